import { expect, test } from 'vitest';
import { addressOf, batchFilter, countOf, type Filters, filtersIn, imageFilter, NO_FILTERS } from './filters';

const EVERYTHING: Filters = {
  show: 'images',
  search: 'sea & sky',
  state: 'failures',
  collection: 'c1',
  model: 'black-forest-labs/flux-schnell',
  tags: ['for print', 'späť, 50 %'],
  favorite: true,
  from: '2026-11-01',
  to: '2026-11-30',
  trash: true,
};

test('filters come back from their address as they were', () => {
  expect(filtersIn(addressOf(EVERYTHING))).toEqual(EVERYTHING);
});

test('all batches have an address without parameters', () => {
  expect(addressOf(NO_FILTERS)).toBe('');
  expect(filtersIn('')).toEqual(NO_FILTERS);
});

test('what an address says that nobody understands is left out', () => {
  expect(filtersIn('?show=all&state=broken&from=yesterday&to=2026-13-45&tag=&q=+&page=2')).toEqual(
    NO_FILTERS,
  );
});

test('a tag that is named twice counts once', () => {
  expect(filtersIn('?tag=sea&tag=sea').tags).toEqual(['sea']);
});

test('the API is asked for no more than what was chosen', () => {
  const given = (filter: object | null | undefined) =>
    Object.entries(filter ?? {}).filter(([, value]) => value !== null);

  expect(given(batchFilter(NO_FILTERS))).toEqual([]);
  expect(given(imageFilter(NO_FILTERS))).toEqual([]);
  expect(given(imageFilter({ ...NO_FILTERS, show: 'single' }))).toEqual([['standalone', true]]);
});

test('days are whole days of the place where the page is open', () => {
  const { createdAfter, createdBefore } = {
    ...batchFilter({ ...NO_FILTERS, from: '2026-11-30', to: '2026-11-30' }),
  };

  expect(createdAfter).toBe(new Date(2026, 10, 30).toISOString());
  expect(createdBefore).toBe(new Date(2026, 11, 1).toISOString());
});

test('a word for a state stands for all the states that it means', () => {
  expect(batchFilter({ ...NO_FILTERS, state: 'failures' })?.status).toEqual([
    'FAILED',
    'PARTIALLY_SUCCEEDED',
  ]);
});

test('what narrows the list is counted, and only what does', () => {
  expect(countOf(NO_FILTERS)).toBe(0);
  expect(countOf({ ...EVERYTHING, show: 'batches' })).toBe(8);
  expect(countOf(EVERYTHING)).toBe(5);
});
