import type { ReactNode } from 'react';
import css from './Chip.module.css';

/** A word that can be pressed. */
export function Chip({
  label,
  onClick,
  children,
}: {
  label: string;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <button type="button" className={css.chip} title={label} aria-label={label} onClick={onClick}>
      {children}
    </button>
  );
}
