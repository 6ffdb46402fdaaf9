import { CombinedError } from 'urql';
import { expect, test } from 'vitest';
import { codeOf, errorAt, errorsElsewhere, messageOf } from './errors';

const graphQLError = (code: string) => ({ message: 'As the service says.', extensions: { code } });

test('an error has the code that the service gave it', () => {
  const error = new CombinedError({ graphQLErrors: [graphQLError('DOCUMENT_TOO_LARGE')] });

  expect(codeOf(error)).toBe('DOCUMENT_TOO_LARGE');
  expect(messageOf(error)).toBe('As the service says.');
});

test('a refused token is told by its status', () => {
  const error = new CombinedError({ networkError: new Error('Unauthorized'), response: { status: 401 } });

  expect(codeOf(error)).toBe('UNAUTHENTICATED');
});

test('a service that is away is unreachable', () => {
  expect(codeOf(new CombinedError({ networkError: new TypeError('Failed to fetch') }))).toBe('UNREACHABLE');
});

test('a refusal is shown at its field, and above the form where there is no such field', () => {
  const prompt = { field: ['input', 'templates', '0', 'prompt'], code: 'REQUIRED', message: 'Say what.' };
  const limit = { field: null, code: 'LIMIT_REACHED', message: 'Too much.' };

  expect(errorAt([prompt, limit], 'templates', '0', 'prompt')).toBe('Say what.');
  expect(errorAt([prompt, limit], 'model')).toBeNull();
  expect(errorsElsewhere([prompt, limit], ['templates.0.prompt'])).toEqual([limit]);
});
