// What is known of a batch that is being watched. Pure: updates in, the next state out.

import { graphql, type ResultOf } from './graphql';

export const BatchFields = graphql(`
  fragment BatchFields on Batch {
    id title status model referenceUrl favorite tags cursor createdAt startedAt finishedAt
    counts { total queued running succeeded failed canceled saved }
  }
`);

export const ResultFields = graphql(`
  fragment ResultFields on Generation {
    id position templateName prompt model status progress attempts saved imageUrl imageRecordId
    error { code message retryable retryAt }
    images { id url thumbnailUrl(width: 400) placeholder width height }
  }
`);

export const BatchResults = graphql(
  `
    subscription BatchResults($batchId: ID!, $after: String) {
      batchResults(batchId: $batchId, after: $after) {
        cursor
        generation { ...ResultFields }
        batch { ...BatchFields }
      }
    }
  `,
  [BatchFields, ResultFields],
);

export type WatchedBatch = ResultOf<typeof BatchFields>;
export type Result = ResultOf<typeof ResultFields>;
export type BatchUpdate = ResultOf<typeof BatchResults>['batchResults'];

export interface BatchState {
  readonly batch: WatchedBatch | null;
  /** By generation id. One that has never changed is not among them. */
  readonly results: ReadonlyMap<string, Result>;
  /** Of the newest update: what to go on after. */
  readonly cursor: string | null;
}

export const NOTHING_YET: BatchState = { batch: null, results: new Map(), cursor: null };

/** The state after these updates, in the order in which they came; one that comes twice changes nothing. */
export function withUpdates(state: BatchState, updates: readonly BatchUpdate[]): BatchState {
  const last = updates.at(-1);
  if (last === undefined) return state;
  const results = new Map(state.results);
  for (const { generation } of updates) {
    if (generation) results.set(generation.id, generation);
  }
  return { batch: last.batch, results, cursor: last.cursor };
}

/** One for each image of the batch, in its own order; null until something is known of it. */
export function placesOf({ batch, results }: BatchState): (Result | null)[] {
  const places: (Result | null)[] = Array.from({ length: batch?.counts.total ?? 0 }, () => null);
  for (const result of results.values()) places[result.position] = result;
  return places;
}
