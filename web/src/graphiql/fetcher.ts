import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import type { Session } from '../api/session';
import type { Socket } from '../api/socket';

const UNAUTHORIZED = 401;

/** Asks with the session's token, unless the headers in the editor have one of their own. */
export function createFetcher(session: Session, { client }: Socket): Fetcher {
  const ask: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    const state = session.get();
    if (state.kind !== 'signedIn' || headers.has('authorization')) return fetch(input, init);
    const answer = await fetch(input, { ...init, headers: withToken(headers, state.token) });
    if (answer.status !== UNAUTHORIZED) return answer;
    const token = await session.renew(state.token);
    return token === null ? answer : fetch(input, { ...init, headers: withToken(headers, token) });
  };
  return createGraphiQLFetcher({
    url: '/graphql',
    fetch: ask,
    wsClient: client,
    enableIncrementalDelivery: false,
  });
}

function withToken(headers: Headers, token: string): Headers {
  headers.set('authorization', `Bearer ${token}`);
  return headers;
}
