import { useEffect, useState } from 'react';
import type { WatchedBatch } from '../api/batchState';
import type { Connection } from '../api/socket';
import { ProgressBar } from '../ui/ProgressBar';
import css from './BatchStatus.module.css';
import { useSpoken } from './useSpoken';
import { useTimeLeft } from './useTimeLeft';
import { countsInWords, statusInWords } from './words';

interface BatchStatusProps {
  batch: WatchedBatch;
  connection: Connection;
  /** Whether there is a stream that needs the connection. */
  isFollowed: boolean;
}

/** How far it is, in a place of fixed size. */
export function BatchStatus({ batch, connection, isFollowed }: BatchStatusProps) {
  const { total, succeeded, failed, canceled } = batch.counts;
  const left = useTimeLeft(batch);
  const isCut = useForLong(isFollowed && connection === 'connecting');
  useSpoken(batch);
  return (
    <div className={css.status}>
      <ProgressBar label="Images made" total={total} done={succeeded} failed={failed + canceled} />
      <p className={css.line}>
        <strong className={css.word} data-status={batch.status}>
          {statusInWords(batch.status)}
        </strong>
        <span>{countsInWords(batch.counts)}</span>
        {isCut ? (
          <span role="alert">Connection lost. The batch goes on; this page catches up by itself.</span>
        ) : (
          left && <span>{left}</span>
        )}
      </p>
    </div>
  );
}

const LONG = 1500;

/** What is over at once is not worth a word. */
function useForLong(now: boolean): boolean {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    if (!now) return setLong(false);
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, [now]);
  return isLong;
}
