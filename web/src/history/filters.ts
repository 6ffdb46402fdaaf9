// What the History page shows, as its address says it, and as the API is asked for it. Pure.

import type { VariablesOf } from '../api/graphql';
import type { Batches, Images } from './documents';

export const SHOWS = ['batches', 'images', 'single'] as const;
export type Show = (typeof SHOWS)[number];

/** What a batch's state is called here. */
export const STATES = {
  underway: ['QUEUED', 'RUNNING', 'PAUSED', 'CANCELING'],
  succeeded: ['SUCCEEDED'],
  failures: ['FAILED', 'PARTIALLY_SUCCEEDED'],
  canceled: ['CANCELED'],
} as const;
export type State = keyof typeof STATES;

export interface Filters {
  show: Show;
  search: string;
  state: State | '';
  collection: string;
  model: string;
  tags: readonly string[];
  favorite: boolean;
  /** Days, as 2026-11-25, the first and the last. */
  from: string;
  to: string;
  trash: boolean;
}

export const NO_FILTERS: Filters = {
  show: 'batches',
  search: '',
  state: '',
  collection: '',
  model: '',
  tags: [],
  favorite: false,
  from: '',
  to: '',
  trash: false,
};

/** What cannot be understood is left out: an address may come from anywhere. */
export function filtersIn(search: string): Filters {
  const given = new URLSearchParams(search);
  const text = (name: string) => given.get(name)?.trim() ?? '';
  const oneOf = <Word extends string>(words: readonly Word[], name: string) =>
    words.find((word) => word === text(name));
  return {
    show: oneOf(SHOWS, 'show') ?? 'batches',
    search: text('q'),
    state: oneOf(Object.keys(STATES) as State[], 'state') ?? '',
    collection: text('collection'),
    model: text('model'),
    tags: [...new Set(given.getAll('tag').map((tag) => tag.trim()))].filter(Boolean),
    favorite: given.has('favorite'),
    from: dayIn(text('from')),
    to: dayIn(text('to')),
    trash: given.has('trash'),
  };
}

/** The search part of an address that shows this; nothing for all batches. */
export function addressOf(filters: Filters): string {
  const address = new URLSearchParams();
  const put = (name: string, value: string) => value && address.set(name, value);
  put('show', filters.show === 'batches' ? '' : filters.show);
  put('q', filters.search);
  put('state', filters.state);
  put('collection', filters.collection);
  put('model', filters.model);
  for (const tag of filters.tags) address.append('tag', tag);
  put('favorite', filters.favorite ? 'yes' : '');
  put('from', filters.from);
  put('to', filters.to);
  put('trash', filters.trash ? 'yes' : '');
  const text = address.toString();
  return text && `?${text}`;
}

/** How many narrow the list that is shown: which list, and the search, are seen anyway. */
export function countOf(filters: Filters): number {
  const { state, tags, collection, model, favorite, from, to } = filters;
  const ofBatches = filters.show === 'batches' ? [state, ...tags] : [];
  return [...ofBatches, collection, model, favorite, from, to].filter(Boolean).length;
}

export function batchFilter(filters: Filters): NonNullable<VariablesOf<typeof Batches>['filter']> {
  return {
    ...common(filters),
    status: filters.state ? [...STATES[filters.state]] : null,
    tags: filters.tags.length ? [...filters.tags] : null,
  };
}

export function imageFilter(filters: Filters): NonNullable<VariablesOf<typeof Images>['filter']> {
  return { ...common(filters), standalone: filters.show === 'single' ? true : null };
}

function common({ search, collection, model, favorite, from, to, trash }: Filters) {
  return {
    search: search || null,
    collectionId: collection || null,
    model: model || null,
    favorite: favorite || null,
    createdAfter: from ? instantOf(from) : null,
    createdBefore: to ? instantOf(to, 1) : null,
    deleted: trash || null,
  };
}

/** Where the day begins here, or the one so many days later. */
function instantOf(day: string, later = 0): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

function dayIn(text: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : '';
}
