// One socket for all subscriptions of this page; it comes back by itself, for as long as it takes.

import { type Client, createClient } from 'graphql-ws';
import type { Session } from './session';

const FORBIDDEN = 4403;
const SIGN_OF_LIFE = 10_000;
const PATIENCE = 5_000;
const LONGEST_WAIT = 10_000;
/** From one subscription to the next, as when a batch ends, one socket serves. */
const KEPT_OPEN = 1_000;

export type Connection = 'connected' | 'connecting';

export interface Socket {
  client: Client;
  connection(): Connection;
  subscribe(listener: () => void): () => void;
}

export function createSocket(session: Session, url = socketAddress()): Socket {
  let refused: string | null = null;
  let sent: string | null = null;
  let deadline: ReturnType<typeof setTimeout>;
  let connection: Connection = 'connecting';
  const listeners = new Set<() => void>();

  function become(next: Connection): void {
    connection = next;
    for (const listener of listeners) listener();
  }

  async function token(): Promise<string | null> {
    if (refused !== null) await session.renew(refused);
    const state = session.get();
    return state.kind === 'signedIn' ? state.token : null;
  }

  const client = createClient({
    url,
    keepAlive: SIGN_OF_LIFE,
    lazyCloseTimeout: KEPT_OPEN,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (retries) => waitToRetry(retries),
    shouldRetry: () => session.get().kind === 'signedIn',
    async connectionParams() {
      sent = await token();
      return sent === null ? {} : { Authorization: `Bearer ${sent}` };
    },
    on: {
      connected() {
        refused = null;
        become('connected');
      },
      closed(event) {
        clearTimeout(deadline);
        // Its token had come to its end, or was never good.
        if ((event as CloseEvent).code === FORBIDDEN) refused = sent;
        become('connecting');
      },
      ping(received) {
        // A machine that slept, or changed its network, is told by nobody that its socket is dead.
        if (!received) deadline = setTimeout(() => client.terminate(), PATIENCE);
      },
      pong(received) {
        if (received) clearTimeout(deadline);
      },
    },
  });
  return {
    client,
    connection: () => connection,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Ever longer, each client a little differently, and no longer once the network is back. */
function waitToRetry(retries: number): Promise<void> {
  const longest = Math.min(LONGEST_WAIT, 250 * 2 ** retries);
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      window.removeEventListener('online', go);
      resolve();
    };
    const timer = setTimeout(go, longest * (0.5 + Math.random() / 2));
    window.addEventListener('online', go);
  });
}

function socketAddress(): string {
  return new URL('/graphql', location.href).href.replace(/^http/, 'ws');
}
