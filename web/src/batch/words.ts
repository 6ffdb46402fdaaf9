// What there is to say of a batch. Pure.

import type { WatchedBatch } from '../api/batchState';

type Counts = WatchedBatch['counts'];

const STATUSES: Record<string, string> = {
  QUEUED: 'Waiting',
  RUNNING: 'Running',
  PAUSED: 'Paused',
  CANCELING: 'Being cancelled',
  SUCCEEDED: 'Done',
  PARTIALLY_SUCCEEDED: 'Done in part',
  FAILED: 'Failed',
  CANCELED: 'Cancelled',
};

/** One that was added later reads as its name does. */
export function statusInWords(status: string): string {
  return STATUSES[status] ?? status.toLowerCase().replaceAll('_', ' ');
}

const OVER = ['SUCCEEDED', 'PARTIALLY_SUCCEEDED', 'FAILED', 'CANCELED'];

export function isOver(status: string): boolean {
  return OVER.includes(status);
}

export function endedIn({ succeeded, failed, canceled }: Counts): number {
  return succeeded + failed + canceled;
}

export function countsInWords({ total, succeeded, failed, canceled }: Counts): string {
  const said = [`${succeeded.toLocaleString('en')} of ${total.toLocaleString('en')} made`];
  if (failed > 0) said.push(`${failed.toLocaleString('en')} failed`);
  if (canceled > 0) said.push(`${canceled.toLocaleString('en')} cancelled`);
  return said.join(', ');
}
