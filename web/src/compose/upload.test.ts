import { expect, test } from 'vitest';
import { ownAddress } from './upload';

test.each([
  ['http://127.0.0.1:8000/files/a?b=c', 'http://localhost:8000', 'http://localhost:8000/files/a?b=c'],
  ['https://pictures.example/files/a', 'http://localhost:8000', 'https://pictures.example/files/a'],
  ['http://127.0.0.1:8000/files/a', 'https://studio.example', 'http://127.0.0.1:8000/files/a'],
])('%s is sent from %s to %s', (address, page, own) => {
  expect(ownAddress(address, new URL(page))).toBe(own);
});
