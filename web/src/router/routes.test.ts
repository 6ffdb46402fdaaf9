import { expect, test } from 'vitest';
import { match, withParameters } from './routes';

test('a path gives the names in a pattern their values', () => {
  expect(match('/batches/:id', '/batches/42')).toEqual({ id: '42' });
  expect(match('/batches/:id', '/batches/a%20b/')).toEqual({ id: 'a b' });
  expect(match('/', '/')).toEqual({});
});

test('another path does not match', () => {
  expect(match('/batches/:id', '/batches')).toBeNull();
  expect(match('/batches/:id', '/images/42')).toBeNull();
  expect(match('/history', '/')).toBeNull();
});

test('a path that is badly encoded is taken as it is', () => {
  expect(match('/batches/:id', '/batches/%')).toEqual({ id: '%' });
});

test('parameters are set, replaced and taken away', () => {
  expect(withParameters('?q=sea&page=2', { q: 'sky', page: null })).toBe('?q=sky');
  expect(withParameters('?q=sea', { q: '' })).toBe('');
});
