import { expect, test } from 'vitest';
import { layoutOf, rowsSeen } from './rows';

test('a grid has as many columns as fit, and two at least', () => {
  const size = { smallest: 100, gap: 10, caption: 20 };

  expect(layoutOf({ ...size, width: 540 })).toEqual({ columns: 5, rowHeight: 130 });
  expect(layoutOf({ ...size, width: 150 })).toEqual({ columns: 2, rowHeight: 100 });
});

test('only rows near the window are seen, of however many', () => {
  expect(rowsSeen(1000, 100, { top: -50_000, height: 800 })).toEqual({ from: 495, to: 513 });
});

test('the first and the last row are where it ends', () => {
  expect(rowsSeen(10, 100, { top: 200, height: 800 })).toEqual({ from: 0, to: 10 });
  expect(rowsSeen(3, 100, { top: -9000, height: 800 })).toEqual({ from: 3, to: 3 });
});
