import { type ReactNode, useEffect } from 'react';
import css from './Page.module.css';

interface PageProps {
  title: string;
  /** In the title's place, with an h1 of its own: a title that can be changed. */
  heading?: ReactNode;
  /** Beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page's frame: its title is the window's too. */
export function Page({ title, heading, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Batch Studio`;
  }, [title]);
  return (
    <div className={css.page}>
      <header className={css.header}>
        {heading ?? <h1>{title}</h1>}
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
