import type { ReactNode } from 'react';
import css from './EmptyState.module.css';

interface EmptyStateProps {
  title: string;
  /** What to do first. */
  children: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ title, children, action }: EmptyStateProps) {
  return (
    <section className={css.empty}>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </section>
  );
}
