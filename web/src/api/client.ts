// urql with the session's token: requests over HTTP, subscriptions over the socket.

import { authExchange } from '@urql/exchange-auth';
import type { Sink } from 'graphql-ws';
import { Client, type CombinedError, cacheExchange, fetchExchange, subscriptionExchange } from 'urql';
import { codeOf } from './errors';
import { type Session, session } from './session';
import { createSocket, type Socket } from './socket';

export interface Api {
  client: Client;
  socket: Socket;
}

export function createApi(session: Session): Api {
  const socket = createSocket(session);
  const client = new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    exchanges: [cacheExchange, authenticated(session), fetchExchange, subscriptions(socket)],
  });
  return { client, socket };
}

/** One for this page: a new user begins with a new page. */
export const api = createApi(session);

function authenticated(session: Session) {
  return authExchange(async ({ appendHeaders }) => {
    let sent = '';
    return {
      addAuthToOperation(operation) {
        const state = session.get();
        if (state.kind !== 'signedIn') return operation;
        sent = state.token;
        return appendHeaders(operation, { Authorization: `Bearer ${sent}` });
      },
      didAuthError: (error) => isRefused(error),
      async refreshAuth() {
        await session.renew(sent);
      },
    };
  });
}

function isRefused(error: CombinedError): boolean {
  return codeOf(error) === 'UNAUTHENTICATED';
}

function subscriptions({ client }: Socket) {
  return subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: client.subscribe({ query, variables }, sink as Sink),
      }),
    }),
  });
}
