import css from './ProgressBar.module.css';

interface ProgressBarProps {
  label: string;
  total: number;
  done: number;
  failed?: number;
}

/** How much of it is over, and how much of that in vain. */
export function ProgressBar({ label, total, done, failed = 0 }: ProgressBarProps) {
  const share = (part: number) => ({ width: `${total ? (100 * part) / total : 0}%` });
  return (
    <div
      className={css.bar}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done + failed}
      aria-valuetext={`${done + failed} of ${total}${failed ? `, ${failed} failed` : ''}`}
    >
      <div className={css.done} style={share(done)} />
      <div className={css.failed} style={share(failed)} />
    </div>
  );
}
