import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { layoutOf, rowsSeen } from './rows';

/** In pixels, as BatchGrid.module.css has them. */
const SIZES = { smallest: 168, gap: 16, caption: 28 };
const ON_PHONE = { ...SIZES, smallest: 140, gap: 12 };
const PHONE = 600;

export interface Rows {
  grid: RefObject<HTMLOListElement | null>;
  columns: number;
  gap: number;
  rowHeight: number;
  rows: number;
  from: number;
  to: number;
}

/** Which rows of the grid to draw, of so many places: ten thousand are no more work than a hundred. */
export function useRows(places: number): Rows {
  const grid = useRef<HTMLOListElement>(null);
  const [width, setWidth] = useState(0);
  const size = width < PHONE ? ON_PHONE : SIZES;
  const { columns, rowHeight } = layoutOf({ ...size, width });
  const rows = Math.ceil(places / columns);
  const [seen, setSeen] = useState({ from: 0, to: 0 });

  useLayoutEffect(() => {
    const element = grid.current;
    if (!element) return;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const look = () => {
      const top = grid.current?.getBoundingClientRect().top ?? 0;
      const now = rowsSeen(rows, rowHeight, { top, height: window.innerHeight });
      setSeen((before) => (before.from === now.from && before.to === now.to ? before : now));
    };
    look();
    window.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    return () => {
      window.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
    };
  }, [rows, rowHeight]);

  return { grid, columns, gap: size.gap, rowHeight, rows, ...seen };
}
