// Which rows of a grid are to be seen. Pure: sizes in, a range out.

export interface GridSize {
  /** Of the whole grid, in pixels. */
  width: number;
  smallest: number;
  gap: number;
  /** Below each square. */
  caption: number;
}

export interface Layout {
  columns: number;
  /** From the top of a row to the top of the next. */
  rowHeight: number;
}

/** As many columns as fit: at least two on the narrowest phone. */
export function layoutOf({ width, smallest, gap, caption }: GridSize): Layout {
  const columns = Math.max(2, Math.floor((width + gap) / (smallest + gap)));
  const side = (width - gap * (columns - 1)) / columns;
  return { columns, rowHeight: side + caption + gap };
}

/** The rows that a window sees of a grid that begins `top` pixels below its upper edge, and some beyond. */
export function rowsSeen(
  rows: number,
  rowHeight: number,
  { top, height }: { top: number; height: number },
): { from: number; to: number } {
  const beyond = Math.ceil(height / 2 / rowHeight) + 1;
  const from = Math.floor(-top / rowHeight) - beyond;
  const to = Math.ceil((height - top) / rowHeight) + beyond;
  return { from: Math.min(rows, Math.max(0, from)), to: Math.max(0, Math.min(rows, to)) };
}
