import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BatchUpdate, Result } from './batchState';
import { type Asked, createBatchWatch, type Subscribe } from './batchWatch';

/** A stream in the test's hands: what was asked, and the sink of the newest asking. */
function stream() {
  const asked: Asked[] = [];
  const sinks: Parameters<Subscribe>[1][] = [];
  let left = 0;
  const subscribe: Subscribe = (variables, sink) => {
    asked.push({ ...variables });
    sinks.push(sink);
    return () => {
      left += 1;
    };
  };
  return { asked, subscribe, sink: () => sinks.at(-1) as Parameters<Subscribe>[1], left: () => left };
}

function update(cursor: string, id: string): { data: { batchResults: BatchUpdate } } {
  const generation = { id, position: 0, status: 'SUCCEEDED' } as Result;
  return { data: { batchResults: { cursor, generation, batch: {} as BatchUpdate['batch'] } } };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('what comes at once is told once', () => {
  const { subscribe, sink } = stream();
  const watch = createBatchWatch('b', subscribe);
  const heard = vi.fn();
  watch.subscribe(heard);
  watch.follow();

  for (const number of [1, 2, 3]) sink().next(update(`${number}`, `g${number}`));
  vi.runAllTimers();

  expect(heard).toHaveBeenCalledOnce();
  expect(watch.get()).toMatchObject({ phase: 'live', cursor: '3' });
  expect(watch.get().results.size).toBe(3);
});

test('a stream that is opened again goes on after the last cursor', () => {
  const { asked, subscribe, sink } = stream();
  const watch = createBatchWatch('b', subscribe);
  watch.follow();
  sink().next(update('7', 'g'));
  sink().complete();
  expect(watch.get().phase).toBe('ended');

  watch.follow();

  expect(asked).toEqual([
    { batchId: 'b', after: null },
    { batchId: 'b', after: '7' },
  ]);
  expect(watch.get().results.size).toBe(1);
});

test('a lost connection asks again with the cursor of by then', () => {
  let variables: Asked | undefined;
  const watch = createBatchWatch('b', (given, sink) => {
    variables = given;
    sink.next(update('4', 'g'));
    return () => {};
  });

  watch.follow();

  expect(variables?.after).toBe('4');
});

test('a stream that is open is not opened twice', () => {
  const { asked, subscribe } = stream();
  const watch = createBatchWatch('b', subscribe);

  watch.follow();
  watch.follow();

  expect(asked).toHaveLength(1);
});

test('a batch that cannot be seen is told by its code', () => {
  const { subscribe, sink } = stream();
  const watch = createBatchWatch('b', subscribe);
  watch.follow();

  sink().error([{ message: 'There is none.', extensions: { code: 'NOT_FOUND' } }]);

  expect(watch.get()).toMatchObject({ phase: 'failed', code: 'NOT_FOUND' });
});

test('who stops hears no more, and may begin again', () => {
  const { asked, left, subscribe, sink } = stream();
  const watch = createBatchWatch('b', subscribe);
  watch.follow();
  sink().next(update('1', 'g'));

  watch.stop();
  watch.follow();

  expect(left()).toBe(1);
  expect(asked).toHaveLength(2);
});
