import {
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
} from 'react';
import { Button } from './Button';
import { IconButton } from './IconButton';
import css from './Rename.module.css';

interface RenameProps {
  /** What it is called now. */
  value: string;
  /** What the field is called, and the button that opens it: "Rename ...". */
  label: string;
  /** Resolves to what is wrong with it, or null once it is done. */
  onSave: (value: string) => Promise<string | null>;
  /** An empty text is a value too. */
  optional?: boolean;
  hint?: string;
  /** What is shown as long as nobody edits it. */
  children: ReactNode;
}

/** Edited in place: Enter saves, Escape leaves it as it was; focus comes back to the button. */
export function Rename({ children, ...editing }: RenameProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  useEffect(() => {
    if (!open && wasOpen.current) button.current?.focus();
    wasOpen.current = open;
  }, [open]);
  if (open) return <Editor {...editing} onEnd={() => setOpen(false)} />;
  return (
    <div className={css.shown}>
      {children}
      <IconButton ref={button} icon="edit" label={editing.label} onClick={() => setOpen(true)} />
    </div>
  );
}

function Editor({
  value,
  label,
  onSave,
  optional,
  hint,
  onEnd,
}: Omit<RenameProps, 'children'> & { onEnd: () => void }) {
  const [text, setText] = useState(value);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (text.trim() === value) return onEnd();
    setBusy(true);
    const wrong = await onSave(text.trim());
    setBusy(false);
    setError(wrong);
    if (wrong) input.current?.focus();
    else onEnd();
  }
  function leave(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onEnd();
  }
  return (
    <form className={css.form} onSubmit={save} onKeyDown={leave}>
      <input
        ref={input}
        className={css.input}
        aria-label={label}
        aria-invalid={error ? true : undefined}
        aria-describedby={error || hint ? id : undefined}
        required={!optional}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button type="submit" busy={busy}>
        Save
      </Button>
      <IconButton icon="close" label="Leave it as it was" onClick={onEnd} />
      {(error ?? hint) && (
        <p
          id={id}
          className={css.note}
          role={error ? 'alert' : undefined}
          data-wrong={error ? true : undefined}
        >
          {error ?? hint}
        </p>
      )}
    </form>
  );
}
