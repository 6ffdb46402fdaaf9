import { useEffect, useState } from 'react';
import type { WatchedBatch } from '../api/batchState';
import { inWords, type Sample, secondsLeft, withSample } from './timeLeft';
import { endedIn } from './words';

/** In words; '' where there is nothing to say. */
export function useTimeLeft({ status, counts }: WatchedBatch): string {
  const [samples, setSamples] = useState<Sample[]>([]);
  const ended = endedIn(counts);
  const isRunning = status === 'RUNNING';
  useEffect(() => {
    if (!isRunning) return setSamples([]);
    setSamples((before) => withSample(before, { at: performance.now(), ended }));
  }, [isRunning, ended]);
  return isRunning ? inWords(secondsLeft(samples, counts.total)) : '';
}
