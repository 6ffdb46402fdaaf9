import { describe, expect, test } from 'vitest';
import {
  type BatchUpdate,
  NOTHING_YET,
  placesOf,
  type Result,
  type WatchedBatch,
  withUpdates,
} from './batchState';

function batch(total: number): WatchedBatch {
  return { counts: { total } } as WatchedBatch;
}

function update(cursor: string, generation: Partial<Result> | null, total = 3): BatchUpdate {
  return { cursor, generation: generation as Result | null, batch: batch(total) };
}

describe('the state of a watched batch', () => {
  test('keeps the newest of each generation', () => {
    const running = update('1', { id: 'a', position: 0, status: 'RUNNING' });
    const other = update('2', { id: 'b', position: 1, status: 'RUNNING' });
    const done = update('3', { id: 'a', position: 0, status: 'SUCCEEDED' });

    const state = withUpdates(withUpdates(NOTHING_YET, [running, other]), [done]);

    expect([...state.results.values()].map((each) => [each.id, each.status])).toEqual([
      ['a', 'SUCCEEDED'],
      ['b', 'RUNNING'],
    ]);
    expect(state.cursor).toBe('3');
  });

  test('does not change when an update comes twice', () => {
    const done = update('1', { id: 'a', position: 0, status: 'SUCCEEDED' });

    const once = withUpdates(NOTHING_YET, [done]);

    expect(withUpdates(once, [done])).toEqual(once);
  });

  test('takes a change of the batch alone', () => {
    const known = withUpdates(NOTHING_YET, [update('1', { id: 'a', position: 0 })]);

    const state = withUpdates(known, [update('2', null, 5)]);

    expect(state.batch?.counts.total).toBe(5);
    expect(state.results).toEqual(known.results);
  });

  test('has a place for every image, also for one that nothing is known of', () => {
    const state = withUpdates(NOTHING_YET, [update('1', { id: 'c', position: 2 })]);

    expect(placesOf(state).map((place) => place?.id ?? null)).toEqual([null, null, 'c']);
    expect(placesOf(NOTHING_YET)).toEqual([]);
  });
});
