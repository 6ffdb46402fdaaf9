// Where an image stands in the list that it was opened from. Pure.

export interface Neighbours {
  /** From 1; null as long as the image has not been met. */
  place: number | null;
  previous: string | null;
  next: string | null;
}

interface Identified {
  id: string;
}

export function neighboursOf(items: readonly Identified[], id: string): Neighbours {
  const at = items.findIndex((each) => each.id === id);
  if (at < 0) return { place: null, previous: null, next: null };
  return { place: at + 1, previous: items[at - 1]?.id ?? null, next: items[at + 1]?.id ?? null };
}

/** Whether the next page is needed to say what is beside the image. A walk has an end, however long the list. */
export function isMoreNeeded(
  list: { items: readonly Identified[]; cursor: string | null },
  id: string,
): boolean {
  if (list.cursor === null) return false;
  const { place, next } = neighboursOf(list.items, id);
  return place === null ? list.items.length < LONGEST_WALK : next === null;
}

const LONGEST_WALK = 10_000;
