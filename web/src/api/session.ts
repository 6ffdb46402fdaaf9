// Who asks: the local user, whose token this service hands to its own page, or the owner of a pasted token.

import { useSyncExternalStore } from 'react';

export type SessionState =
  | { kind: 'starting'; unreachable: boolean }
  | { kind: 'signedIn'; token: string; local: boolean }
  | { kind: 'signedOut'; refused: boolean };

export interface Session {
  get(): SessionState;
  subscribe(listener: () => void): () => void;
  /** Finds out who asks; signed in or out when it is over. */
  start(): Promise<void>;
  signIn(token: string): void;
  signOut(): void;
  /** The service refused this token: another one, or null once that takes a person. */
  renew(refused: string): Promise<string | null>;
}

/** The local token, or null where this service has none for this page. Throws where it cannot be reached. */
export type AskLocal = () => Promise<string | null>;

export interface Keeper {
  read(): string | null;
  write(token: string | null): void;
}

const AGAIN_AFTER = 2000;

export function createSession(askLocal: AskLocal, keeper: Keeper, wait = sleep): Session {
  let state: SessionState = { kind: 'starting', unreachable: false };
  let renewing: Promise<string | null> | null = null;
  const listeners = new Set<() => void>();

  function become(next: SessionState): void {
    state = next;
    for (const listener of listeners) listener();
  }

  async function askUntilAnswered(): Promise<string | null> {
    for (;;) {
      try {
        return await askLocal();
      } catch {
        if (state.kind === 'starting') become({ kind: 'starting', unreachable: true });
        await wait(AGAIN_AFTER);
      }
    }
  }

  async function replace(): Promise<string | null> {
    const token = state.kind === 'signedIn' && state.local ? await askUntilAnswered() : null;
    if (token === null) keeper.write(null);
    become(token === null ? { kind: 'signedOut', refused: true } : { kind: 'signedIn', token, local: true });
    return token;
  }

  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async start() {
      const local = await askUntilAnswered();
      const token = local ?? keeper.read();
      become(
        token === null
          ? { kind: 'signedOut', refused: false }
          : { kind: 'signedIn', token, local: local !== null },
      );
    },
    signIn(token) {
      keeper.write(token);
      become({ kind: 'signedIn', token, local: false });
    },
    signOut() {
      keeper.write(null);
      become({ kind: 'signedOut', refused: false });
    },
    renew(refused) {
      if (state.kind === 'signedIn' && state.token !== refused) return Promise.resolve(state.token);
      if (state.kind !== 'signedIn') return Promise.resolve(null);
      renewing ??= replace().finally(() => {
        renewing = null;
      });
      return renewing;
    },
  };
}

export const session = createSession(askLocal, {
  read: () => localStorage.getItem(KEPT_AS),
  write: (token) =>
    token === null ? localStorage.removeItem(KEPT_AS) : localStorage.setItem(KEPT_AS, token),
});

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.get);
}

const KEPT_AS = 'batch-studio.token';
const AWAY = 500;

async function askLocal(): Promise<string | null> {
  const answer = await fetch('/local/token', { method: 'POST' });
  if (answer.status >= AWAY) throw new Error(answer.statusText);
  return answer.ok ? ((await answer.json()) as { token: string }).token : null;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
