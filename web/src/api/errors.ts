// What went wrong, in words for a person. What a person can put right comes as userErrors instead.

import type { CombinedError } from 'urql';

export interface UserError {
  field: readonly string[] | null;
  code: string;
  message: string;
}

/** Why a request failed: the service's own code, or one of UNREACHABLE, UNAUTHENTICATED, UNKNOWN. */
export function codeOf(error: Pick<CombinedError, 'graphQLErrors' | 'networkError' | 'response'>): string {
  const code = error.graphQLErrors[0]?.extensions.code;
  if (typeof code === 'string') return code;
  if (isResponse(error.response) && error.response.status === UNAUTHORIZED) return 'UNAUTHENTICATED';
  return error.networkError ? 'UNREACHABLE' : 'UNKNOWN';
}

/** A sentence or two, fit for the page. */
export function messageOf(error: CombinedError): string {
  const code = codeOf(error);
  return MESSAGES[code] ?? error.graphQLErrors[0]?.message ?? 'Something went wrong. Please try again.';
}

/** The message for a field: errorAt(errors, 'templates', '0', 'prompt'); null where there is none. */
export function errorAt(errors: readonly UserError[], ...path: string[]): string | null {
  const wanted = path.join('.');
  return errors.find((error) => fieldOf(error) === wanted)?.message ?? null;
}

/** Those that belong to none of these fields, to be shown above the form. */
export function errorsElsewhere(errors: readonly UserError[], shown: readonly string[]): UserError[] {
  return errors.filter((error) => !shown.includes(fieldOf(error)));
}

function fieldOf({ field }: UserError): string {
  return (field ?? []).filter((part, at) => at > 0 || part !== 'input').join('.');
}

function isResponse(value: unknown): value is { status: number } {
  return typeof value === 'object' && value !== null && 'status' in value;
}

const UNAUTHORIZED = 401;
const MESSAGES: Record<string, string> = {
  UNREACHABLE: 'Batch Studio cannot be reached at the moment. It will go on once it is back.',
  UNAUTHENTICATED: 'Your sign-in has come to its end. Please sign in again.',
  UNAVAILABLE: 'The service is catching its breath. Try again in a few seconds.',
  RATE_LIMITED: 'That was a little fast. Try again in a moment.',
  INTERNAL: 'Something went wrong on our side. Please try again.',
};
