// Follows a batch with a client from npm, and prints what the client tells: a line of JSON each.
//
//     node follow.mjs '{"client": "graphql-ws", "address": ..., "token": ..., "request": ..., "cutAfter": 3}'
//
// After so many results the connection is cut, once; the request then has the last cursor seen.

import { clients } from './clients.mjs';

const { client, request, cutAfter, ...where } = JSON.parse(process.argv[2]);
let told = 0;

const print = (line) => console.log(JSON.stringify(line));

function cutOff() {
  print({ cut: told });
  cut();
}

const cut = clients[client](where, request, {
  next({ data, errors }) {
    if (errors) return print({ errors });
    print({ update: data.batchResults });
    request.variables.after = data.batchResults.cursor;
    told += 1;
    // As the line of a client breaks: between two of its steps.
    if (told === cutAfter) setImmediate(cutOff);
  },
  complete: () => print({ complete: true }),
  // A close event of a socket, an answer over HTTP, or errors of GraphQL.
  error(reason) {
    const response = reason.response ?? reason.networkError?.response;
    print({ refused: reason.code ?? reason.networkError?.code ?? response?.status ?? String(reason) });
  },
});
