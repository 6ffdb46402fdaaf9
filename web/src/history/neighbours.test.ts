import { expect, test } from 'vitest';
import { isMoreNeeded, neighboursOf } from './neighbours';

const ITEMS = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];

test('an image has its neighbours and its place', () => {
  expect(neighboursOf(ITEMS, 'b')).toEqual({ place: 2, previous: 'a', next: 'c' });
  expect(neighboursOf(ITEMS, 'a')).toEqual({ place: 1, previous: null, next: 'b' });
  expect(neighboursOf(ITEMS, 'c')).toEqual({ place: 3, previous: 'b', next: null });
});

test('an image that is not in the list has none', () => {
  expect(neighboursOf(ITEMS, 'x')).toEqual({ place: null, previous: null, next: null });
});

test('the next page is needed for an image not met yet, and for the last one', () => {
  expect(isMoreNeeded({ items: ITEMS, cursor: 'c' }, 'x')).toBe(true);
  expect(isMoreNeeded({ items: ITEMS, cursor: 'c' }, 'c')).toBe(true);
  expect(isMoreNeeded({ items: ITEMS, cursor: 'c' }, 'b')).toBe(false);
});

test('a list that has ended, or that is very long, is not walked on', () => {
  const long = Array.from({ length: 10_000 }, (_, at) => ({ id: `${at}` }));

  expect(isMoreNeeded({ items: ITEMS, cursor: null }, 'x')).toBe(false);
  expect(isMoreNeeded({ items: long, cursor: 'c' }, 'x')).toBe(false);
});
