import { useEffect, useEffectEvent } from 'react';
import { stringifyDocument } from 'urql';
import { api } from '../api/client';
import type { ResultOf } from '../api/graphql';
import { useConnection } from '../api/useBatchResults';
import { HistoryUpdates } from './documents';

export type HistoryUpdate = ResultOf<typeof HistoryUpdates>['historyUpdates'];

const query = stringifyDocument(HistoryUpdates);

/** Tells of every change of the history, and of each connection: what changed before it is told by nobody. */
export function useHistoryUpdates(tell: (update: HistoryUpdate) => void, connected: () => void): void {
  const onUpdate = useEffectEvent(tell);
  const onConnected = useEffectEvent(connected);
  const connection = useConnection();
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
    if (connection === 'connected') onConnected();
  }, [connection]);
}
