import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createList, type Load, withFresh, withNext } from './list';

interface Item {
  id: string;
  name?: string;
}

/** The numbers from `newest` down to 1 in pages, as an API would give them. */
function numbers(newest: () => number): Load<Item> {
  return async (after, first, counted) => {
    const start = after === null ? newest() : Number(after) - 1;
    const nodes = Array.from({ length: Math.min(first, start) }, (_, at) => ({ id: `${start - at}` }));
    const last = nodes.at(-1)?.id ?? null;
    return {
      nodes,
      pageInfo: { hasNextPage: last !== null && last !== '1', endCursor: last },
      totalCount: counted ? newest() : undefined,
    };
  };
}

function idsOf({ items }: { items: readonly Item[] }): string[] {
  return items.map(({ id }) => id);
}

function page(ids: string[], endCursor: string | null = null) {
  return { nodes: ids.map((id) => ({ id })), pageInfo: { hasNextPage: endCursor !== null, endCursor } };
}

describe('a list', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('grows page by page until there is no more', async () => {
    const list = createList(
      numbers(() => 5),
      2,
    );

    await list.refresh();
    expect(idsOf(list.get())).toEqual(['5', '4']);
    expect(list.get().total).toBe(5);
    await list.more();
    await list.more();
    await list.more();

    expect(idsOf(list.get())).toEqual(['5', '4', '3', '2', '1']);
    expect(list.get()).toMatchObject({ cursor: null, phase: 'resting', total: 5 });
  });

  test('asked twice for the next page asks for it once', async () => {
    const load = vi.fn(numbers(() => 5));
    const list = createList(load, 2);
    await list.refresh();

    await Promise.all([list.more(), list.more()]);

    expect(load).toHaveBeenCalledTimes(2);
  });

  test('read again takes in what is new and keeps what it had', async () => {
    let newest = 5;
    const list = createList(
      numbers(() => newest),
      2,
    );
    await list.refresh();
    await list.more();
    newest = 6;

    list.refreshSoon();
    list.refreshSoon();
    await vi.runAllTimersAsync();

    expect(idsOf(list.get())).toEqual(['6', '5', '4', '3', '2']);
    expect(list.get()).toMatchObject({ total: 6, cursor: '2' });
  });

  test('keeps what it shows when a page cannot be had, and goes on later', async () => {
    let away = false;
    const load = numbers(() => 3);
    const list = createList<Item>(async (...asked) => {
      if (away) throw new Error('away');
      return load(...asked);
    }, 2);
    await list.refresh();
    away = true;
    await list.more();
    expect(list.get()).toMatchObject({ phase: 'failed', error: new Error('away') });
    expect(idsOf(list.get())).toEqual(['3', '2']);

    away = false;
    await list.more();

    expect(idsOf(list.get())).toEqual(['3', '2', '1']);
  });

  test('takes a change of what it has and no other', async () => {
    const list = createList(
      numbers(() => 2),
      2,
    );
    await list.refresh();

    list.put({ id: '2', name: 'two' });
    list.put({ id: '9', name: 'nine' });
    list.remove('1');

    expect(list.get()).toMatchObject({ items: [{ id: '2', name: 'two' }], total: 1 });
  });
});

test('a fresh beginning that does not meet the rest replaces it', () => {
  const state = { items: [{ id: 'a' }, { id: 'b' }], cursor: 'b' };

  expect(withFresh(state, page(['x', 'y'], 'y'))).toMatchObject({
    items: [{ id: 'x' }, { id: 'y' }],
    cursor: 'y',
  });
});

test('a fresh beginning leaves out what is no longer there', () => {
  const state = { items: [{ id: 'a' }, { id: 'b' }, { id: 'c' }], cursor: 'c' };

  expect(withFresh(state, page(['a', 'c'], 'c'))).toMatchObject({
    items: [{ id: 'a' }, { id: 'c' }],
    cursor: 'c',
  });
});

test('what a next page has in common with the list is there once', () => {
  expect(withNext({ items: [{ id: 'a' }, { id: 'b' }] }, page(['b', 'c'])).items).toEqual([
    { id: 'a' },
    { id: 'b' },
    { id: 'c' },
  ]);
});

test('what is told while a page is being read counts, not what the page had of it', async () => {
  let answer: (page: { nodes: Item[]; pageInfo: { hasNextPage: boolean; endCursor: null } }) => void =
    () => {};
  const list = createList<Item>(() => new Promise((resolve) => (answer = resolve)));
  const pageInfo = { hasNextPage: false, endCursor: null };
  const reading = list.refresh();
  await Promise.resolve();
  list.put({ id: '1', name: 'newer' });
  list.remove('2');
  answer({ nodes: [{ id: '1', name: 'older' }, { id: '2' }, { id: '3' }], pageInfo });
  await reading;

  expect(list.get().items).toEqual([{ id: '1', name: 'newer' }, { id: '3' }]);
});
