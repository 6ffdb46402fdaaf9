import { useEffect, useRef } from 'react';
import type { WatchedBatch } from '../api/batchState';
import { announce } from '../ui/toasts';
import { countsInWords, isOver, statusInWords } from './words';

const PAUSE = 8000;

/** Tells who listens how far the batch is: at once when it begins, pauses or ends, else now and then. */
export function useSpoken({ status, counts }: WatchedBatch): void {
  const said = useRef({ at: 0, status: '' });
  const text = `${isOver(status) || status === 'PAUSED' ? `${statusInWords(status)}: ` : ''}${countsInWords(counts)}`;
  useEffect(() => {
    const isNews = said.current.status !== status;
    const wait = isNews ? 0 : Math.max(0, said.current.at + PAUSE - performance.now());
    const timer = setTimeout(() => {
      said.current = { at: performance.now(), status };
      announce(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [status, text]);
}
