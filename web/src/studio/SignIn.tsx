import { type FormEvent, useState } from 'react';
import { session } from '../api/session';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Page } from '../ui/Page';
import css from './SignIn.module.css';

/** For a service that others sign in to: their token, pasted. */
export function SignIn({ refused }: { refused: boolean }) {
  const [token, setToken] = useState('');
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (token.trim()) session.signIn(token.trim());
  }
  const error = refused ? 'The last token was not accepted: it may have come to its end.' : null;
  return (
    <Page title="Sign in">
      <form className={css.form} onSubmit={submit}>
        <Field
          label="Access token"
          error={error}
          hint={
            <>
              A JWT of your sign-in service, or from <code>batch-studio token --user UUID</code>. It stays in
              this browser.
            </>
          }
        >
          {(control) => (
            <input
              {...control}
              type="password"
              autoComplete="off"
              spellCheck={false}
              required
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" look="primary">
          Sign in
        </Button>
      </form>
    </Page>
  );
}
