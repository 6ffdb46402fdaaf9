// Watches one batch: collects what comes in into states, and goes on from the last cursor however often
// the connection is lost.

import type { FormattedExecutionResult, Sink } from 'graphql-ws';
import { type BatchState, type BatchUpdate, NOTHING_YET, withUpdates } from './batchState';

export interface Watched extends BatchState {
  readonly phase: 'opening' | 'live' | 'ended' | 'failed';
  /** Why it failed: NOT_FOUND for a batch that is not the caller's to see. */
  readonly code: string | null;
}

export interface BatchWatch {
  get(): Watched;
  subscribe(listener: () => void): () => void;
  /** Opens the stream where there is none, from the last cursor on: at the start, and after a retry. */
  follow(): void;
  stop(): void;
}

export interface Asked extends Record<string, unknown> {
  batchId: string;
  after: string | null;
}

type Answer = FormattedExecutionResult<{ batchResults: BatchUpdate }, unknown>;

/** Subscribes, again by itself whenever it has to, each time with the variables as they are by then. */
export type Subscribe = (variables: Asked, sink: Sink<Answer>) => () => void;

/** Milliseconds: what comes within them is shown at once, thousands of results of a large batch too. */
const TOGETHER = 30;

export function createBatchWatch(batchId: string, subscribe: Subscribe): BatchWatch {
  let watched: Watched = { ...NOTHING_YET, phase: 'opening', code: null };
  let waiting: BatchUpdate[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leave: (() => void) | null = null;
  const asked: Asked = { batchId, after: null };
  const listeners = new Set<() => void>();

  function become(change: Partial<Watched>): void {
    clearTimeout(timer);
    timer = undefined;
    watched = { ...watched, ...withUpdates(watched, waiting), ...change };
    waiting = [];
    for (const listener of listeners) listener();
  }

  function end(change: Partial<Watched>): void {
    leave = null;
    become(change);
  }

  const sink: Sink<Answer> = {
    next({ data, errors }) {
      if (data) {
        asked.after = data.batchResults.cursor;
        waiting.push(data.batchResults);
        timer ??= setTimeout(() => become({ phase: 'live' }), TOGETHER);
      } else if (errors) {
        become({ phase: 'failed', code: codeOf(errors) });
      }
    },
    error: (reason) => end({ phase: 'failed', code: codeOf(reason) }),
    // A stream that told of an error completes as well.
    complete: () => end(watched.phase === 'failed' ? {} : { phase: 'ended' }),
  };

  return {
    get: () => watched,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    follow() {
      if (leave !== null) return;
      if (watched.phase !== 'opening') become({ phase: 'opening', code: null });
      leave = subscribe(asked, sink);
    },
    stop() {
      const stop = leave;
      // What it still has to say is nobody's business: a completion follows.
      leave = null;
      stop?.();
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** GraphQL errors carry their code; anything else is a socket that was closed for good. */
function codeOf(reason: unknown): string {
  const code = Array.isArray(reason) ? reason[0]?.extensions?.code : null;
  return typeof code === 'string' ? code : 'UNREACHABLE';
}
