import { useEffect } from 'react';
import { useSubscription } from 'urql';
import { graphql } from '../api/graphql';

const Elsewhere = graphql(`
  subscription Elsewhere { historyUpdates { batch { id status title } } }
`);

/** Calls back when something changes in a finished batch after all: a retry, a new title in another tab. */
export function useElsewhere(batchId: string, isEnded: boolean, onChange: () => void): void {
  const [{ data }] = useSubscription({ query: Elsewhere, pause: !isEnded });
  useEffect(() => {
    if (data?.historyUpdates.batch?.id === batchId) onChange();
  }, [data, batchId, onChange]);
  useEffect(() => {
    if (!isEnded) return;
    // What came while this page slept was told to nobody.
    window.addEventListener('focus', onChange);
    return () => window.removeEventListener('focus', onChange);
  }, [isEnded, onChange]);
}
