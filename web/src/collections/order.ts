// Where something comes to stand when it is moved. Pure.

/** The list with the item at `from` at the place `to`; as it was where there is no such place. */
export function moved<Item>(list: readonly Item[], from: number, to: number): Item[] {
  const item = list[from];
  if (item === undefined || to < 0 || to >= list.length) return [...list];
  const rest = list.filter((_, at) => at !== from);
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** Where what is dragged to this height belongs, among items with these middles: past each that it has passed. */
export function placeAt(height: number, from: number, middles: readonly number[]): number {
  const others = middles.filter((_, at) => at !== from);
  return others.filter((middle) => middle < height).length;
}
