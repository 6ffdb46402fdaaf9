import { expect, test } from 'vitest';
import { moved, placeAt } from './order';

test('an item moves up and down', () => {
  expect(moved(['a', 'b', 'c', 'd'], 2, 0)).toEqual(['c', 'a', 'b', 'd']);
  expect(moved(['a', 'b', 'c', 'd'], 0, 3)).toEqual(['b', 'c', 'd', 'a']);
  expect(moved(['a', 'b', 'c', 'd'], 1, 2)).toEqual(['a', 'c', 'b', 'd']);
});

test('nothing moves beyond an end', () => {
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 1, 2)).toEqual(['a', 'b']);
  expect(moved(['a', 'b'], 7, 0)).toEqual(['a', 'b']);
});

test('what is dragged belongs behind all whose middle it has passed', () => {
  const middles = [50, 150, 250];

  expect(placeAt(10, 2, middles)).toBe(0);
  expect(placeAt(60, 2, middles)).toBe(1);
  expect(placeAt(240, 2, middles)).toBe(2);
  expect(placeAt(120, 0, middles)).toBe(0);
  expect(placeAt(160, 0, middles)).toBe(1);
  expect(placeAt(900, 0, middles)).toBe(2);
});
