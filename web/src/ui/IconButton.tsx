import type { ComponentProps } from 'react';
import { Icon, type IconName } from './Icon';
import css from './IconButton.module.css';

interface IconButtonProps extends ComponentProps<'button'> {
  icon: IconName;
  /** What it does, read aloud and shown when pointed at. */
  label: string;
  filled?: boolean;
}

export function IconButton({ icon, label, filled = false, className, ...rest }: IconButtonProps) {
  const classes = className ? `${css.button} ${className}` : css.button;
  return (
    <button type="button" title={label} aria-label={label} {...rest} className={classes}>
      <Icon name={icon} filled={filled} />
    </button>
  );
}
