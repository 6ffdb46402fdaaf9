import { type ReactNode, useEffect, useRef } from 'react';
import type { CombinedError } from 'urql';
import { messageOf } from '../api/errors';
import type { List, Listed } from '../api/list';
import { Button } from './Button';
import css from './Endless.module.css';
import { ErrorNote } from './ErrorNote';

interface EndlessProps<Item> {
  list: List<Item>;
  listed: Listed<Item>;
  /** Shown where there is nothing at all. */
  empty: ReactNode;
  children: ReactNode;
}

/** A list that goes on by itself before its end is seen. */
export function Endless<Item>({ list, listed, empty, children }: EndlessProps<Item>) {
  const { items, cursor, phase, error } = listed;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const here = end.current;
    if (!here || phase !== 'resting' || !cursor) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void list.more(), {
      rootMargin: '800px',
    });
    observer.observe(here);
    return () => observer.disconnect();
  }, [list, phase, cursor]);
  const again = () => void (items.length ? list.more() : list.refresh());

  return (
    <>
      {items.length > 0 && children}
      {items.length === 0 && phase === 'resting' && empty}
      <div ref={end} className={css.end} aria-busy={phase === 'loading'}>
        {phase === 'failed' && <ErrorNote onRetry={again}>{messageOf(error as CombinedError)}</ErrorNote>}
        {cursor && phase !== 'failed' && (
          <Button look="quiet" busy={phase === 'loading'} onClick={again}>
            {phase === 'loading' ? 'Loading…' : 'Show more'}
          </Button>
        )}
      </div>
    </>
  );
}
