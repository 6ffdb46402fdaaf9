import { type SessionState, session, useSession } from '../api/session';
import { Link, usePath } from '../router/router';
import { Button } from '../ui/Button';
import css from './Header.module.css';

const PLACES = [
  { to: '/', name: 'Studio', below: ['/batches'] },
  { to: '/history', name: 'History', below: ['/images'] },
  { to: '/collections', name: 'Collections', below: [] },
];

export function Header() {
  const path = usePath();
  const state = useSession();
  return (
    <header className={css.header}>
      <div className={css.inside}>
        <Link to="/" className={css.name}>
          <Mark />
          <span>Batch Studio</span>
        </Link>
        <nav className={css.places} aria-label="Pages">
          {PLACES.map(({ to, name, below }) => (
            <Link
              key={to}
              to={to}
              className={css.place}
              aria-current={isAt(path, to, below) ? 'page' : undefined}
            >
              {name}
            </Link>
          ))}
        </nav>
        <div className={css.rest}>
          <a href="/graphiql" className={css.place}>
            API
          </a>
          <SignOut state={state} />
        </div>
      </div>
    </header>
  );
}

/** In local mode there is nobody to be signed out. */
function SignOut({ state }: { state: SessionState }) {
  if (state.kind !== 'signedIn' || state.local) return null;
  return (
    <Button look="quiet" onClick={leave}>
      Sign out
    </Button>
  );
}

/** With all that this page knows of its user. */
function leave(): void {
  session.signOut();
  location.assign('/');
}

function isAt(path: string, to: string, below: readonly string[]): boolean {
  const roots = to === '/' ? below : [to, ...below];
  return path === to || roots.some((root) => path === root || path.startsWith(`${root}/`));
}

function Mark() {
  return (
    <svg className={css.mark} viewBox="0 0 18 18" aria-hidden="true">
      <rect width="8" height="8" rx="2" />
      <rect x="10" width="8" height="8" rx="2" opacity=".45" />
      <rect y="10" width="8" height="8" rx="2" opacity=".45" />
      <rect x="10" y="10" width="8" height="8" rx="2" className={css.spot} />
    </svg>
  );
}
