// PostGraphile 5 over the tables of Batch Studio, as its documentation has it: the Amber preset, the caller's role and
// claims by pgSettings, tokens verified by jose and remembered, a line in the log and a count for each request.
import { createServer } from "node:http";
import { performance } from "node:perf_hooks";
import { grafserv } from "postgraphile/grafserv/node";
import { jwtVerify } from "jose";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { DATABASE_URL, BATCH_STUDIO_PORT, BATCH_STUDIO_JWT_SECRET, SIGNER } = process.env;
const secret = new TextEncoder().encode(BATCH_STUDIO_JWT_SECRET);
const verified = new Map();
const counted = new Map();

async function claimsOf(token) {
  const known = verified.get(token);
  if (known && known.exp * 1000 > Date.now()) return known;
  const { payload } = await jwtVerify(token, secret, { algorithms: ["HS256"], audience: "authenticated" });
  verified.set(token, payload);
  return payload;
}

async function context({ node }) {
  const { sub, role } = await claimsOf(node.req.headers.authorization.slice("Bearer ".length));
  return {
    pgSettings: {
      role,
      "request.jwt.claims": JSON.stringify({ sub, role }),
      "bench.signer": SIGNER,
    },
  };
}

function tell(request, response, began) {
  const key = `${request.url} ${response.statusCode}`;
  counted.set(key, (counted.get(key) ?? 0) + 1);
  const ms = Math.round((performance.now() - began) * 10) / 10;
  const line = { timestamp: new Date().toISOString(), level: "info", event: "request", route: request.url };
  process.stderr.write(`${JSON.stringify({ ...line, method: request.method, status: response.statusCode, ms })}\n`);
}

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: DATABASE_URL, schemas: ["public"], pubsub: false })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false },
  grafast: { context, explain: false },
  // Else only indexed columns can be asked for, and what is deleted would be in the answer.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
});
const server = createServer();
server.on("request", (request, response) => {
  const began = performance.now();
  response.on("finish", () => tell(request, response, began));
});
await instance.createServ(grafserv).addTo(server);
server.listen(Number(BATCH_STUDIO_PORT), "127.0.0.1", () => console.log("ready"));
