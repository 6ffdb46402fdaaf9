import type { ButtonHTMLAttributes } from 'react';
import css from './Button.module.css';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** How much it stands out: one `primary` a page, `quiet` among pictures and in rows. */
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  /** Its work is under way: it stays focused, and does nothing when pressed again. */
  busy?: boolean;
}

export function Button({ look = 'plain', busy = false, className, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={[css.button, css[look], className].filter(Boolean).join(' ')}
      aria-disabled={busy || undefined}
      data-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    />
  );
}

/** A link that looks like a button takes this as its className. */
export function buttonClass(look: NonNullable<ButtonProps['look']> = 'plain'): string {
  return `${css.button} ${css[look]}`;
}
