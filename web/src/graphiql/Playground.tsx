import { GraphiQL } from 'graphiql';
import { type FormEvent, useState } from 'react';
import { session, useSession } from '../api/session';
import { createSocket } from '../api/socket';
import { EXAMPLES } from './examples';
import { createFetcher } from './fetcher';

const fetcher = createFetcher(session, createSocket(session));

/** GraphiQL, and above it who asks. */
export function Playground() {
  const state = useSession();
  if (state.kind === 'starting') {
    return <p className="who">{state.unreachable ? 'Batch Studio cannot be reached. Trying again…' : ''}</p>;
  }
  return (
    <div className="playground">
      <header className="who">
        <a href="/">Batch Studio</a>
        {state.kind === 'signedOut' ? <SignIn refused={state.refused} /> : <SignedIn local={state.local} />}
      </header>
      <GraphiQL
        key={state.kind}
        fetcher={fetcher}
        defaultTabs={EXAMPLES}
        shouldPersistHeaders={false}
        defaultEditorToolsVisibility={false}
      >
        <GraphiQL.Logo> </GraphiQL.Logo>
      </GraphiQL>
    </div>
  );
}

function SignedIn({ local }: { local: boolean }) {
  if (local) return <span>Requests and subscriptions carry the local user’s token.</span>;
  return (
    <>
      <span>Requests and subscriptions carry your token.</span>
      <button type="button" onClick={session.signOut}>
        Sign out
      </button>
    </>
  );
}

function SignIn({ refused }: { refused: boolean }) {
  const [token, setToken] = useState('');
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (token.trim()) session.signIn(token.trim());
  }
  return (
    <form onSubmit={submit}>
      <label>
        {refused ? 'That token was not accepted. Access token' : 'Access token'}{' '}
        <input
          type="password"
          autoComplete="off"
          required
          value={token}
          placeholder="JWT"
          onChange={(event) => setToken(event.target.value)}
        />
      </label>
      <button type="submit">Use it</button>
    </form>
  );
}
