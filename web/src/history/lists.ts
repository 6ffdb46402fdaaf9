// The history's lists: of batches and of images, each with its own address.

import type { List } from '../api/list';
import { ask, listAt } from '../api/useList';
import { type BatchCardData, Batches, Images, type ListedImage } from './documents';
import { addressOf, batchFilter, type Filters, imageFilter } from './filters';

/** Enough for the largest grid, and for a walk to an image deep in a batch. */
const IMAGES_AT_ONCE = 60;

export function batchList(filters: Filters): List<BatchCardData> {
  const filter = batchFilter(filters);
  return listAt(`batches${addressOf(filters)}`, async (after, first, counted) => {
    return (await ask(Batches, { filter, after, first, counted })).batches;
  });
}

export function imageList(filters: Filters): List<ListedImage> {
  return imagesWith(addressOf(filters), imageFilter(filters));
}

export function imagesOfBatch(batchId: string): List<ListedImage> {
  return imagesWith(batchId, { batchId });
}

function imagesWith(name: string, filter: ReturnType<typeof imageFilter>): List<ListedImage> {
  return listAt(
    `images ${name}`,
    async (after, first, counted) => (await ask(Images, { filter, after, first, counted })).images,
    IMAGES_AT_ONCE,
  );
}
