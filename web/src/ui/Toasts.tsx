import { useEffect, useState } from 'react';
import { Button } from './Button';
import { IconButton } from './IconButton';
import css from './Toasts.module.css';
import { dismiss, TOAST_MILLISECONDS, type Toast, useAnnouncement, useToasts } from './toasts';

/** Once in the layout: shows what toast() and says what announce() was given. */
export function Toasts() {
  const toasts = useToasts();
  const said = useAnnouncement();
  return (
    <>
      <p className="aside" role="status">
        {said}
      </p>
      <ol className={css.toasts} role="log" aria-label="Messages">
        {toasts.map((each) => (
          <OneToast key={each.id} toast={each} />
        ))}
      </ol>
    </>
  );
}

function OneToast({ toast: { id, text, undo } }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dismiss(id), TOAST_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [id, held]);
  const hold = () => setHeld(true);
  const release = () => setHeld(false);

  return (
    <li className={css.toast} onPointerEnter={hold} onPointerLeave={release} onFocus={hold} onBlur={release}>
      <span>{text}</span>
      {undo && (
        <Button
          look="quiet"
          className={css.undo}
          onClick={() => {
            dismiss(id);
            undo();
          }}
        >
          Undo
        </Button>
      )}
      <IconButton icon="close" label="Dismiss" className={css.undo} onClick={() => dismiss(id)} />
    </li>
  );
}
