import { expect, test } from 'vitest';
import { objectIn } from './json';

test('an object is read, an empty text is none, and anything else is wrong', () => {
  expect(objectIn('{"seed": 7}')).toEqual({ seed: 7 });
  expect(objectIn(' \n')).toBeNull();
  for (const text of ['7', '[7]', 'null', '"seed"', '{seed: 7}']) expect(objectIn(text)).toBeUndefined();
});
