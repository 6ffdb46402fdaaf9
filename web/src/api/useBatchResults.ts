import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { stringifyDocument } from 'urql';
import { BatchResults } from './batchState';
import { type BatchWatch, createBatchWatch, type Subscribe, type Watched } from './batchWatch';
import { api } from './client';
import type { Connection } from './socket';

export interface BatchResultsNow extends Watched {
  connection: Connection;
  /** To be called after a retry: a stream ends after the batch's last change, and a retry makes it go on. */
  follow: () => void;
}

/** All that is known of a batch, live; from the beginning at first, then from change to change. */
export function useBatchResults(batchId: string): BatchResultsNow {
  const watch: BatchWatch = useMemo(() => createBatchWatch(batchId, overSocket), [batchId]);
  useEffect(() => {
    watch.follow();
    return watch.stop;
  }, [watch]);
  const watched = useSyncExternalStore(watch.subscribe, watch.get);
  const connection = useConnection();
  return { ...watched, connection, follow: watch.follow };
}

/** Whether the socket is up: `connecting` after it was lost, and before it is needed first. */
export function useConnection(): Connection {
  return useSyncExternalStore(api.socket.subscribe, api.socket.connection);
}

const query = stringifyDocument(BatchResults);

// graphql-ws sends the variables as they are whenever it subscribes again: with the cursor of by then.
const overSocket: Subscribe = (variables, sink) => api.socket.client.subscribe({ query, variables }, sink);
