// Which page an address shows. The server has the same list: server/addresses/web.py.

import { lazy, type ReactNode } from 'react';
import { match, type Parameters } from '../router/routes';
import { NotFound } from './NotFound';

const StudioPage = lazy(() => import('../pages/StudioPage'));
const BatchPage = lazy(() => import('../pages/BatchPage'));
const HistoryPage = lazy(() => import('../pages/HistoryPage'));
const ImagePage = lazy(() => import('../pages/ImagePage'));
const CollectionsPage = lazy(() => import('../pages/CollectionsPage'));
const CollectionPage = lazy(() => import('../pages/CollectionPage'));

const PAGES: [string, (parameters: Parameters) => ReactNode][] = [
  ['/', () => <StudioPage />],
  ['/batches/:id', ({ id = '' }) => <BatchPage key={id} id={id} />],
  ['/history', () => <HistoryPage />],
  ['/images/:id', ({ id = '' }) => <ImagePage id={id} />],
  ['/collections', () => <CollectionsPage />],
  ['/collections/:id', ({ id = '' }) => <CollectionPage key={id} id={id} />],
];

export function pageAt(path: string): ReactNode {
  for (const [pattern, page] of PAGES) {
    const parameters = match(pattern, path);
    if (parameters) return page(parameters);
  }
  return <NotFound />;
}
