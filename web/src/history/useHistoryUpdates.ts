import { useEffect, useEffectEvent, useRef } from 'react';
import { stringifyDocument } from 'urql';
import { api } from '../api/client';
import type { ResultOf } from '../api/graphql';
import { useConnection } from '../api/useBatchResults';
import { HistoryUpdates } from './documents';

export type HistoryUpdate = ResultOf<typeof HistoryUpdates>['historyUpdates'];

const query = stringifyDocument(HistoryUpdates);

/** Tells of every change of the history, and when the connection is back: what changed meanwhile is told by none. */
export function useHistoryUpdates(tell: (update: HistoryUpdate) => void, isBack: () => void): void {
  const onUpdate = useEffectEvent(tell);
  const onBack = useEffectEvent(isBack);
  const connection = useConnection();
  const wasConnected = useRef(false);
  useEffect(
    () =>
      api.socket.client.subscribe<ResultOf<typeof HistoryUpdates>>(
        { query },
        {
          next: ({ data }) => data && onUpdate(data.historyUpdates),
          // The page shows what it has, and reads it again when it is opened.
          error: () => {},
          complete: () => {},
        },
      ),
    [],
  );
  useEffect(() => {
    if (connection !== 'connected') return;
    if (wasConnected.current) onBack();
    wasConnected.current = true;
  }, [connection]);
}
