// A mutation from an event: what came of it, or why nothing did.

import type { AnyVariables, DocumentInput } from 'urql';
import { api } from './client';
import { codeOf, messageOf, type UserError } from './errors';

export interface Outcome<Payload> {
  /** Null where nothing was done. */
  payload: Payload | null;
  /** What was refused, or the one thing that went wrong on the way. */
  errors: UserError[];
}

/** For a document with one root field. */
export async function act<Payload extends { userErrors: UserError[] }, Variables extends AnyVariables>(
  document: DocumentInput<Record<string, Payload>, Variables>,
  variables: Variables,
): Promise<Outcome<Payload>> {
  const { data, error } = await api.client.mutation(document, variables);
  const payload = Object.values(data ?? {})[0];
  if (!payload) {
    const message = error ? messageOf(error) : '';
    return { payload: null, errors: [{ field: null, code: error ? codeOf(error) : 'UNKNOWN', message }] };
  }
  return payload.userErrors.length ? { payload: null, errors: payload.userErrors } : { payload, errors: [] };
}

/** All that is wrong, in one text. */
export function textOf(errors: readonly UserError[]): string {
  return errors.map(({ message }) => message).join(' ');
}
