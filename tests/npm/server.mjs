// The reference server of graphql-ws over this service's own schema, for bench/subscriptions.py.
//
//     node --expose-gc server.mjs ../../schema/schema.graphql
//
// Prints its port. What it is to publish comes on its standard input, a line of JSON each: {"update": {...}},
// with the batch in it; {"collect": true} frees what is no longer used, and is answered by a line.
// Who subscribes gets the batch's latest update at once, then each one as it comes.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const latest = new Map();
const subscribers = new Map();

class Updates {
  constructor(batchId) {
    this.batchId = batchId;
    this.waiting = latest.has(batchId) ? [latest.get(batchId)] : [];
    this.wake = null;
    if (!subscribers.has(batchId)) subscribers.set(batchId, new Set());
    subscribers.get(batchId).add(this);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  push(update) {
    this.waiting.push(update);
    this.wake?.();
  }

  async next() {
    while (!this.waiting.length) await new Promise((resolve) => (this.wake = resolve));
    return { value: { batchResults: this.waiting.shift() }, done: false };
  }

  async return() {
    subscribers.get(this.batchId).delete(this);
    return { value: undefined, done: true };
  }
}

const schema = buildSchema(readFileSync(process.argv[2], 'utf8'));
schema.getSubscriptionType().getFields().batchResults.subscribe = (_, { batchId }) => new Updates(batchId);

const http = createServer();
useServer({ schema }, new WebSocketServer({ server: http, path: '/graphql' }));
http.listen(0, '127.0.0.1', () => console.log(http.address().port));

createInterface({ input: process.stdin }).on('line', (line) => {
  const { update } = JSON.parse(line);
  if (!update) {
    globalThis.gc();
    return console.log('collected');
  }
  latest.set(update.batch.id, update);
  for (const subscriber of subscribers.get(update.batch.id) ?? []) subscriber.push(update);
});
