import { defineConfig } from 'vite';
import { budget, compressed } from './building.ts';

/** What the Studio and the playground have in common; the rest of the Studio with all that it needs. */
const SHARED =
  /vite\/preload-helper|\/node_modules\/(react|react-dom|scheduler|graphql-ws)\/|\/src\/(api\/(session|socket)|ui\/tokens)/;
const STUDIO = /\/src\/(?!graphiql|studio\/main)/;
const SERVICE = process.env.BATCH_STUDIO ?? 'http://127.0.0.1:8000';

/** The service hands out the local token, and takes sockets, to pages of its own alone. */
const toService = { target: SERVICE, changeOrigin: true, headers: { origin: SERVICE } };

export default defineConfig({
  appType: 'spa',
  build: {
    rolldownOptions: {
      input: ['index.html', 'graphiql.html'],
      output: {
        codeSplitting: {
          // In one piece: compressed together it is smaller by a fifth, and one request instead of twenty.
          groups: [
            { name: 'shared', test: SHARED, priority: 2 },
            { name: 'studio', test: STUDIO, priority: 1 },
          ],
        },
      },
      // GraphiQL's parts are marked for servers, which means nothing here.
      onLog: (level, log, next) => log.code !== 'MODULE_LEVEL_DIRECTIVE' && next(level, log),
    },
    // The pages' policy refuses what is written into them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is what it is; the Studio has its own limit.
    chunkSizeWarningLimit: 10_000,
    reportCompressedSize: false,
  },
  worker: { format: 'es' },
  // The editor's workers are found by Vite itself, not by what it prepares dependencies with.
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react'] },
  server: {
    proxy: {
      '/graphql': { ...toService, ws: true },
      '/local': toService,
      '/files': toService,
    },
  },
  plugins: [compressed(), budget({ page: 'index.html', most: 120_000 })],
});
