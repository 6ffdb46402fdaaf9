import { type KeyboardEvent, useState } from 'react';
import css from './EditableTitle.module.css';
import { IconButton } from './IconButton';

interface EditableTitleProps {
  title: string;
  /** Whether it is so called now. */
  onRename: (title: string) => Promise<boolean>;
}

/** A title that can be changed where it stands: Enter keeps it, Escape gives it up. */
export function EditableTitle({ title, onRename }: EditableTitleProps) {
  const [text, setText] = useState<string | null>(null);
  const [kept, setKept] = useState<{ from: string; to: string } | null>(null);
  const shown = kept?.from === title ? kept.to : title;

  async function keep(): Promise<void> {
    const wanted = text?.trim();
    setText(null);
    if (!wanted || wanted === shown) return;
    setKept({ from: title, to: wanted });
    if (!(await onRename(wanted))) setKept(null);
  }
  function onKeyDown({ key }: KeyboardEvent): void {
    if (key === 'Enter') void keep();
    if (key === 'Escape') setText(null);
  }

  if (text === null) {
    return (
      <div className={css.title}>
        <h1>{shown}</h1>
        <IconButton icon="edit" label="Rename" onClick={() => setText(shown)} />
      </div>
    );
  }
  return (
    <h1 className={css.editing}>
      <input
        className={css.input}
        aria-label="Title"
        maxLength={200}
        value={text}
        // biome-ignore lint/a11y/noAutofocus: it was asked for by the button just pressed.
        autoFocus
        onFocus={(event) => event.target.select()}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => void keep()}
      />
    </h1>
  );
}
