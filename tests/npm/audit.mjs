// Audits a server by the specification of GraphQL over HTTP, and prints what each audit says.
//
//     node audit.mjs '{"address": "http://127.0.0.1:8000"}'

import { auditServer } from 'graphql-http';

const { address } = JSON.parse(process.argv[2]);

// Ours takes a GET from whoever could not have been any page.
const fetchFn = (url, { headers, ...rest } = {}) =>
  fetch(url, { ...rest, headers: { ...headers, 'X-Requested-With': 'audit' } });

for (const { name, status, reason } of await auditServer({ url: `${address}/graphql`, fetchFn })) {
  console.log(JSON.stringify({ name, status, reason }));
}
