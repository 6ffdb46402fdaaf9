// The clients from npm, each set up as an application would.
//
// A client is a function of where to connect and as whom, of a request, and of a sink: next(result) for each
// result, then complete() or error(reason). It returns what cuts its connection; after that it asks again by
// itself, with the request as it is by then.

import { createClient as createStreamClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { Client, fetchExchange, subscriptionExchange } from 'urql';
import { onEnd, pipe, subscribe } from 'wonka';
import WebSocket from 'ws';

const FORBIDDEN = 4403;
const atOnce = async () => {};

function socketClient({ address, token }) {
  return createSocketClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    connectionParams: { Authorization: `Bearer ${token}` },
    webSocketImpl: WebSocket,
    shouldRetry: (event) => event.code !== FORBIDDEN,
    retryWait: atOnce,
  });
}

function graphqlWs(where, request, sink) {
  const client = socketClient(where);
  client.subscribe(request, sink);
  return () => client.terminate();
}

function graphqlSse({ address, token }, request, sink) {
  let line = new AbortController();
  const client = createStreamClient({
    url: `${address}/graphql`,
    headers: { Authorization: `Bearer ${token}` },
    fetchFn: (url, options) =>
      fetch(url, { ...options, signal: AbortSignal.any([options.signal, line.signal]) }),
    retry: atOnce,
  });
  client.subscribe(request, sink);
  return () => {
    const cut = line;
    line = new AbortController();
    cut.abort();
  };
}

function urqlWs(where, request, sink) {
  const client = socketClient(where);
  const exchange = subscriptionExchange({
    forwardSubscription: (asked) => ({
      subscribe: (forward) => ({ unsubscribe: client.subscribe(asked, forward) }),
    }),
  });
  return urql(where, { exchanges: [exchange] }, request, sink);
}

function urqlSse(where, request, sink) {
  return urql(where, { exchanges: [fetchExchange], fetchSubscriptions: true }, request, sink);
}

function urql({ address, token }, options, request, sink) {
  const client = new Client({
    url: `${address}/graphql`,
    fetchOptions: { headers: { Authorization: `Bearer ${token}` } },
    preferGetMethod: false,
    ...options,
  });
  const ask = () => {
    let left = false;
    const { unsubscribe } = pipe(
      client.subscription(request.query, { ...request.variables }),
      onEnd(() => left || sink.complete()),
      subscribe(({ data, error, hasNext }) => {
        if (error) {
          left = true;
          sink.error(error);
        } else if (hasNext) {
          sink.next({ data }); // without a next one, it is the last result once more
        }
      }),
    );
    return () => {
      left = true;
      unsubscribe();
    };
  };
  let leave = ask();
  return () => {
    leave();
    leave = ask();
  };
}

export const clients = {
  'graphql-ws': graphqlWs,
  'graphql-sse': graphqlSse,
  'urql over graphql-ws': urqlWs,
  'urql over server-sent events': urqlSse,
};
