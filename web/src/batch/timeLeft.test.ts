import { expect, test } from 'vitest';
import { inWords, secondsLeft, withSample } from './timeLeft';

test('the time left follows from the pace seen', () => {
  const samples = withSample(withSample([], { at: 0, ended: 10 }), { at: 5000, ended: 20 });

  expect(secondsLeft(samples, 40)).toBe(10);
});

test('nothing is said of the time left before two images have ended one after the other', () => {
  expect(secondsLeft([], 10)).toBeNull();
  expect(secondsLeft([{ at: 0, ended: 3 }], 10)).toBeNull();
});

test('what is older than a minute, or from before a retry, counts no more', () => {
  const old = withSample([], { at: 0, ended: 1 });

  expect(withSample(old, { at: 60_000, ended: 2 })).toHaveLength(1);
  expect(withSample([{ at: 0, ended: 9 }], { at: 10, ended: 2 })).toEqual([{ at: 10, ended: 2 }]);
});

test.each([
  [null, ''],
  [3, 'a few seconds left'],
  [32, 'about 40 s left'],
  [100, 'about 2 min left'],
  [7300, 'about 2 h left'],
])('%s seconds are told as %j', (seconds, text) => {
  expect(inWords(seconds)).toBe(text);
});
