import { useRef, useState } from 'react';
import { act } from '../api/act';
import { Button } from '../ui/Button';
import { Dialog, DialogActions } from '../ui/Dialog';
import { ErrorNote } from '../ui/ErrorNote';
import { Icon } from '../ui/Icon';
import { toast } from '../ui/toasts';
import { CreateCollection } from './documents';
import { type CollectionDraft, read } from './file';
import css from './Import.module.css';

/** Reads a file, says what is in it or wrong with it, and makes the collections. */
export function Import({ onImported }: { onImported: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<{ name: string; text: string } | null>(null);
  async function choose(chosen: File | undefined): Promise<void> {
    if (!chosen) return;
    setFile({ name: chosen.name, text: await chosen.text() });
    // The same file, mended, may be chosen again.
    if (input.current) input.current.value = '';
  }
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        aria-label="File to import"
        tabIndex={-1}
        className="aside"
        onChange={({ target }) => void choose(target.files?.[0])}
      />
      <Button onClick={() => input.current?.click()}>
        <Icon name="upload" /> Import
      </Button>
      <Dialog title={`Import ${file?.name ?? ''}`} open={file !== null} onClose={() => setFile(null)}>
        {file && (
          <Found
            text={file.text}
            onClose={() => setFile(null)}
            onImported={() => {
              setFile(null);
              onImported();
            }}
          />
        )}
      </Dialog>
    </>
  );
}

interface FoundProps {
  text: string;
  onClose: () => void;
  onImported: () => void;
}

function Found({ text, onClose, onImported }: FoundProps) {
  const [content] = useState(() => read(text));
  const [problems, setProblems] = useState('problems' in content ? content.problems : []);
  const [busy, setBusy] = useState(false);
  const waiting = useRef('collections' in content ? content.collections : []);

  async function make(): Promise<void> {
    setBusy(true);
    const count = waiting.current.length;
    const wrong = await makeAll(waiting.current);
    setBusy(false);
    if (wrong.length) return setProblems(wrong);
    toast(count === 1 ? 'Imported 1 collection' : `Imported ${count} collections`);
    onImported();
  }
  return (
    <>
      {problems.length > 0 && (
        <ErrorNote>
          <ul className={css.problems}>
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </ErrorNote>
      )}
      {waiting.current.length > 0 && (
        <ul className={css.found}>
          {waiting.current.map(({ name, templates }) => (
            <li key={name}>
              <strong>{name}</strong>{' '}
              <span>{templates.length === 1 ? '1 template' : `${templates.length} templates`}</span>
            </li>
          ))}
        </ul>
      )}
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
        {waiting.current.length > 0 && (
          <Button look="primary" data-first busy={busy} onClick={make}>
            Import
          </Button>
        )}
      </DialogActions>
    </>
  );
}

/** One after the other; those that were made are taken from the list, and the first refused one ends it. */
async function makeAll(waiting: CollectionDraft[]): Promise<string[]> {
  for (let next = waiting[0]; next; next = waiting[0]) {
    const { errors } = await act(CreateCollection, { input: next });
    if (errors.length) return errors.map(({ field, message }) => placeOf(next.name, field) + message);
    waiting.shift();
  }
  return [];
}

function placeOf(name: string, field: readonly string[] | null): string {
  return `${[name, ...(field ?? []).slice(1)].join(', ')}: `;
}
