import { type MouseEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import css from './Dialog.module.css';
import { IconButton } from './IconButton';

interface DialogProps {
  title: string;
  open: boolean;
  /** Escape, the cross, or a click beside it. */
  onClose: () => void;
  /** `large` is for a picture. */
  size?: 'small' | 'large';
  /** What bears data-first has the focus at first. */
  children: ReactNode;
}

/** The browser's own modal dialog: focus stays in it, and goes back to where it came from. */
export function Dialog({ title, open, onClose, size = 'small', children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return dialog.current?.close();
    dialog.current?.showModal();
    // React's autoFocus comes too early, before there is anything to be seen.
    dialog.current?.querySelector<HTMLElement>('[data-first]')?.focus();
  }, [open]);

  function closeBeside(event: MouseEvent): void {
    if (event.target === dialog.current) onClose();
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does what the click beside it does.
    <dialog
      ref={dialog}
      className={`${css.dialog} ${css[size]}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={closeBeside}
    >
      {open && (
        <div className={css.inside}>
          <header className={css.header}>
            <h2 id={id}>{title}</h2>
            <IconButton icon="close" label="Close" onClick={onClose} />
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}

/** Buttons at the end of a dialog. */
export function DialogActions({ children }: { children: ReactNode }) {
  return <footer className={css.actions}>{children}</footer>;
}
