import { Suspense, useEffect, useRef } from 'react';
import { useSession } from '../api/session';
import { usePath } from '../router/router';
import { ErrorNote } from '../ui/ErrorNote';
import { Toasts } from '../ui/Toasts';
import css from './App.module.css';
import { Header } from './Header';
import { pageAt } from './pages';
import { SignIn } from './SignIn';

export function App() {
  return (
    <>
      <a className={css.skip} href="#main">
        Skip to the page
      </a>
      <Header />
      <Main />
      <Toasts />
    </>
  );
}

function Main() {
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  const first = useRef(path);
  useEffect(() => {
    // Who goes on by keyboard or by ear begins where the new page begins, unless what has the focus stayed.
    const stayed = main.current?.contains(document.activeElement);
    if (path !== first.current && !stayed) main.current?.focus({ preventScroll: true });
    first.current = '';
  }, [path]);
  return (
    <main ref={main} id="main" tabIndex={-1} className={css.main}>
      <Suspense>
        <Content path={path} />
      </Suspense>
    </main>
  );
}

/** The page at the address, once it is known who asks. */
function Content({ path }: { path: string }) {
  const state = useSession();
  switch (state.kind) {
    case 'starting':
      return state.unreachable && <ErrorNote>Batch Studio cannot be reached. Trying again…</ErrorNote>;
    case 'signedOut':
      return <SignIn refused={state.refused} />;
    case 'signedIn':
      return pageAt(path);
  }
}
