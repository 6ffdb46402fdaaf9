import css from './Icon.module.css';

/** Drawn with one line on 24 × 24. */
const PATHS = {
  check: 'M5 12.5 10 17.5 19.5 7',
  close: 'M6 6 18 18 M18 6 6 18',
  retry: 'M19 12a7 7 0 1 1-2.2-5.1 M19 4v4h-4',
  pause: 'M9 6v12 M15 6v12',
  play: 'M8 5.5v13l10.5-6.5z',
  stop: 'M7 7h10v10H7z',
  warning: 'M12 4 21 19.5H3z M12 10v4.5 M12 17v.2',
  plus: 'M12 5v14 M5 12h14',
  trash: 'M5 7h14 M10 7V4.5h4V7 M7 7l.8 12.5h8.4L17 7',
  star: 'M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z',
  search: 'M11 4.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13 M16 16l4.5 4.5',
  download: 'M12 4v11 M7.5 11 12 15.5 16.5 11 M5 19.5h14',
  upload: 'M12 16V5 M7.5 9 12 4.5 16.5 9 M5 19.5h14',
  copy: 'M9 9h10.5v10.5H9z M15 9V4.5H4.5V15H9',
  edit: 'M4.5 19.5l1-4.5L16 4.5l3.5 3.5L9 18.5z',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  up: 'M5 15l7-7 7 7',
  down: 'M5 9l7 7 7-7',
  grip: 'M9 6v.2 M15 6v.2 M9 12v.2 M15 12v.2 M9 18v.2 M15 18v.2',
} as const;

export type IconName = keyof typeof PATHS;

/** Beside a text that says the same; alone only in an IconButton. */
export function Icon({ name, filled = false }: { name: IconName; filled?: boolean }) {
  return (
    <svg className={filled ? `${css.icon} ${css.filled}` : css.icon} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
