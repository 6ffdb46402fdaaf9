// A list that grows page by page, stays where it is while it is made fresh, and is told of single changes.

export interface Page<Item> {
  nodes: readonly Item[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  totalCount?: number | undefined;
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  /** What to go on after; null where there is no more. */
  readonly cursor: string | null;
  readonly total: number | null;
  /** `loading` before the first page and while the next one comes. */
  readonly phase: 'loading' | 'resting' | 'failed';
  readonly error: unknown;
}

export interface List<Item> {
  get(): Listed<Item>;
  subscribe(listener: () => void): () => void;
  /** The next page. */
  more(): Promise<void>;
  /** Reads again what is shown; what is new at the top comes in. */
  refresh(): Promise<void>;
  /** The same in a moment, once for all who ask by then. */
  refreshSoon(): void;
  /** The item as it is now, where it is in the list. */
  put(item: Item): void;
  remove(id: string): void;
}

/** `counted` asks for the total as well. Throws what went wrong. */
export type Load<Item> = (after: string | null, first: number, counted: boolean) => Promise<Page<Item>>;

interface Identified {
  id: string;
}

const FIRST = 20;
const MOST = 100;
const SOON = 700;

export function createList<Item extends Identified>(load: Load<Item>, first = FIRST): List<Item> {
  let state: Listed<Item> = { items: [], cursor: null, total: null, phase: 'loading', error: null };
  let work: Promise<void> = Promise.resolve();
  let soon: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();
  // What was told while a page was being read: the page may be older. Null is what was removed.
  const told = new Map<string, Item | null>();

  async function read(...page: Parameters<Load<Item>>): Promise<Page<Item>> {
    told.clear();
    const { nodes, ...rest } = await load(...page);
    return { ...rest, nodes: nodes.flatMap((node) => withTold(node, told.get(node.id))) };
  }

  function become(change: Partial<Listed<Item>>): void {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  }

  /** One after the other, so that a page never meets a list that is being read again. */
  function inTurn(step: () => Promise<Partial<Listed<Item>>>): Promise<void> {
    work = work.then(async () => {
      try {
        become({ ...(await step()), phase: 'resting', error: null });
      } catch (error) {
        become({ phase: 'failed', error });
      }
    });
    return work;
  }

  function refresh(): Promise<void> {
    clearTimeout(soon);
    soon = undefined;
    return inTurn(async () => {
      const page = await read(null, Math.min(MOST, Math.max(first, state.items.length)), true);
      return withFresh(state, page);
    });
  }

  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
    more() {
      if (state.phase === 'loading') return work;
      become({ phase: 'loading' });
      return inTurn(async () =>
        state.cursor ? withNext(state, await read(state.cursor, first, false)) : {},
      );
    },
    refreshSoon() {
      soon ??= setTimeout(refresh, SOON);
    },
    put(item) {
      told.set(item.id, item);
      become({ items: state.items.map((each) => (each.id === item.id ? item : each)) });
    },
    remove(id) {
      told.set(id, null);
      const items = state.items.filter((each) => each.id !== id);
      const gone = state.items.length - items.length;
      become({ items, total: state.total === null ? null : state.total - gone });
    },
  };
}

function withTold<Item>(node: Item, told: Item | null | undefined): Item[] {
  if (told === null) return [];
  return [told ?? node];
}

/** With the page after it; what it has already is not added again. */
export function withNext<Item extends Identified>(
  { items }: Pick<Listed<Item>, 'items'>,
  page: Page<Item>,
): Partial<Listed<Item>> {
  const known = new Set(items.map(({ id }) => id));
  return { items: [...items, ...page.nodes.filter(({ id }) => !known.has(id))], cursor: cursorOf(page) };
}

/** Its beginning replaced by this page; what follows it stays, where the two meet. */
export function withFresh<Item extends Identified>(
  { items, cursor }: Pick<Listed<Item>, 'items' | 'cursor'>,
  page: Page<Item>,
): Partial<Listed<Item>> {
  const total = page.totalCount ?? null;
  const last = page.nodes.at(-1)?.id;
  const meeting = items.findIndex(({ id }) => id === last);
  const rest = meeting < 0 ? [] : items.slice(meeting + 1);
  if (rest.length === 0) return { items: page.nodes, cursor: cursorOf(page), total };
  return { items: [...page.nodes, ...rest], cursor, total };
}

function cursorOf({ pageInfo }: Page<unknown>): string | null {
  return pageInfo.hasNextPage ? pageInfo.endCursor : null;
}
