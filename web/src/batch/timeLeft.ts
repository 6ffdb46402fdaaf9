// How long a batch still takes, by what was seen of it here. Pure: no clock of the server is asked.

export interface Sample {
  /** Milliseconds. */
  at: number;
  /** Images that had ended by then. */
  ended: number;
}

const WINDOW = 60_000;

/** With what was seen now; what is older than a minute counts no more. */
export function withSample(samples: readonly Sample[], now: Sample): Sample[] {
  return [...samples.filter(({ at, ended }) => now.at - at < WINDOW && ended <= now.ended), now];
}

/** null as long as nothing can be said. */
export function secondsLeft(samples: readonly Sample[], total: number): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.ended <= first.ended || last.at <= first.at) return null;
  const perSecond = (1000 * (last.ended - first.ended)) / (last.at - first.at);
  return (total - last.ended) / perSecond;
}

/** Coarse on purpose: it shall not flicker. */
export function inWords(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 10) return 'a few seconds left';
  if (seconds < 55) return `about ${10 * Math.ceil(seconds / 10)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} min left`;
  return `about ${Math.round(minutes / 60)} h left`;
}
