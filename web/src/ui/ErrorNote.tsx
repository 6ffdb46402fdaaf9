import type { ReactNode } from 'react';
import { Button } from './Button';
import css from './ErrorNote.module.css';
import { Icon } from './Icon';

interface ErrorNoteProps {
  /** messageOf(error), or what the userErrors say. */
  children: ReactNode;
  onRetry?: () => void;
}

/** Said at once to who listens. */
export function ErrorNote({ children, onRetry }: ErrorNoteProps) {
  return (
    <div className={css.note} role="alert">
      <Icon name="warning" />
      <div className={css.text}>{children}</div>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}
