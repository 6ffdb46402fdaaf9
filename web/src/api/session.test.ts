import { expect, test } from 'vitest';
import { type AskLocal, createSession, type Keeper } from './session';

function sessionWith(askLocal: AskLocal, kept: string | null = null) {
  const keeper: Keeper = {
    read: () => kept,
    write(token) {
      kept = token;
    },
  };
  return { session: createSession(askLocal, keeper, async () => {}), kept: () => kept };
}

const nobody: AskLocal = async () => null;

test('in local mode nobody has to sign in', async () => {
  const { session } = sessionWith(async () => 'local');

  await session.start();

  expect(session.get()).toEqual({ kind: 'signedIn', token: 'local', local: true });
});

test('elsewhere the token of last time is used', async () => {
  const { session } = sessionWith(nobody, 'kept');

  await session.start();

  expect(session.get()).toEqual({ kind: 'signedIn', token: 'kept', local: false });
});

test('a service that is away is waited for', async () => {
  let asked = 0;
  const { session } = sessionWith(async () => {
    asked += 1;
    if (asked < 3) throw new Error('away');
    return 'local';
  });

  await session.start();

  expect(asked).toBe(3);
  expect(session.get().kind).toBe('signedIn');
});

test('a local token that has come to its end is replaced, once for all who ask', async () => {
  let asked = 0;
  const { session } = sessionWith(async () => `local ${++asked}`);
  await session.start();

  const renewed = await Promise.all([session.renew('local 1'), session.renew('local 1')]);
  const late = await session.renew('local 1');

  expect([...renewed, late]).toEqual(['local 2', 'local 2', 'local 2']);
});

test('a pasted token that is refused is forgotten and asked for again', async () => {
  const { session, kept } = sessionWith(nobody);
  await session.start();
  session.signIn('pasted');
  expect(kept()).toBe('pasted');

  const renewed = await session.renew('pasted');

  expect(renewed).toBeNull();
  expect(kept()).toBeNull();
  expect(session.get()).toEqual({ kind: 'signedOut', refused: true });
});
