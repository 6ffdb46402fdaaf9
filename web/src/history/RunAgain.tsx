import { type FormEvent, type ReactNode, useState } from 'react';
import { useQuery } from 'urql';
import { act } from '../api/act';
import { errorAt, errorsElsewhere, type UserError } from '../api/errors';
import { NO_OBJECT, objectIn } from '../api/json';
import { navigate } from '../router/router';
import { Button } from '../ui/Button';
import { Choice } from '../ui/Choice';
import { Dialog, DialogActions } from '../ui/Dialog';
import { ErrorNote } from '../ui/ErrorNote';
import { Field } from '../ui/Field';
import { announce } from '../ui/toasts';
import { type BatchCardData, Choices, RegenerateBatch } from './documents';
import css from './RunAgain.module.css';

interface RunAgainProps {
  batch: BatchCardData;
  open: boolean;
  onClose: () => void;
}

/** A new batch from this one: all of it or what failed, as it was or changed. */
export function RunAgain({ batch, open, onClose }: RunAgainProps) {
  return (
    <Dialog title="Run again" open={open} onClose={onClose}>
      <Form batch={batch} onClose={onClose} />
    </Dialog>
  );
}

const SHOWN = ['title', 'model', 'referenceUrl', 'parameters'];

function Form({ batch, onClose }: Omit<RunAgainProps, 'open'>) {
  const { counts } = batch;
  const failed = counts.failed + counts.canceled;
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [title, setTitle] = useState(batch.title);
  const [model, setModel] = useState('');
  const [referenceUrl, setReferenceUrl] = useState('');
  const [parameters, setParameters] = useState('');
  const [errors, setErrors] = useState<UserError[]>([]);
  const [busy, setBusy] = useState(false);
  // The same key for the same form: pressed twice, it starts one batch.
  const [idempotencyKey] = useState(() => crypto.randomUUID?.() ?? null);
  const [{ data }] = useQuery({ query: Choices, requestPolicy: 'cache-first' });

  async function start(event: FormEvent): Promise<void> {
    event.preventDefault();
    const changed = objectIn(parameters);
    if (changed === undefined) return setErrors([WRONG]);
    setBusy(true);
    const outcome = await act(RegenerateBatch, {
      input: {
        batchId: batch.id,
        onlyFailed,
        title: title.trim() || null,
        model: model || null,
        referenceUrl: referenceUrl.trim() || null,
        parameters: changed,
        idempotencyKey,
      },
    });
    setBusy(false);
    setErrors(outcome.errors);
    if (!outcome.payload?.batchId) return;
    onClose();
    announce(`“${title}” is started again`);
    navigate(`/batches/${outcome.payload.batchId}`);
  }
  return (
    <form className={css.form} onSubmit={start}>
      {errorsElsewhere(errors, SHOWN).map(({ message }) => (
        <ErrorNote key={message}>{message}</ErrorNote>
      ))}
      <fieldset className={css.which}>
        <legend className="aside">Which images</legend>
        <Radio checked={!onlyFailed} onCheck={() => setOnlyFailed(false)}>
          All {counts.total}
        </Radio>
        <Radio checked={onlyFailed} disabled={failed === 0} onCheck={() => setOnlyFailed(true)}>
          Only the {failed} that failed or were cancelled
        </Radio>
      </fieldset>
      <Field label="Title" error={errorAt(errors, 'title')}>
        {(control) => <input {...control} value={title} onChange={({ target }) => setTitle(target.value)} />}
      </Field>
      <Choice
        label="Model"
        any="As before"
        value={model}
        options={data?.models.map(({ name }) => [name, name] as const) ?? []}
        onChoose={setModel}
      />
      <Field
        label="Reference image"
        hint="The address of another one; empty: as before."
        error={errorAt(errors, 'referenceUrl')}
      >
        {(control) => (
          <input
            {...control}
            type="url"
            placeholder="https://"
            value={referenceUrl}
            onChange={({ target }) => setReferenceUrl(target.value)}
          />
        )}
      </Field>
      <Field
        label="Parameters to change"
        hint={
          <>
            As JSON, for example <code>{'{"seed": 7}'}</code>. The others stay as they were.
          </>
        }
        error={errorAt(errors, 'parameters')}
      >
        {(control) => (
          <textarea
            {...control}
            rows={2}
            spellCheck={false}
            value={parameters}
            onChange={({ target }) => setParameters(target.value)}
          />
        )}
      </Field>
      <DialogActions>
        <Button onClick={onClose}>Close</Button>
        <Button type="submit" look="primary" busy={busy}>
          Start {onlyFailed ? failed : counts.total}{' '}
          {(onlyFailed ? failed : counts.total) === 1 ? 'image' : 'images'}
        </Button>
      </DialogActions>
    </form>
  );
}

interface RadioProps {
  checked: boolean;
  disabled?: boolean;
  onCheck: () => void;
  children: ReactNode;
}

function Radio({ checked, disabled = false, onCheck, children }: RadioProps) {
  return (
    <label className={css.radio}>
      <input type="radio" name="which" checked={checked} disabled={disabled} onChange={onCheck} />
      <span>{children}</span>
    </label>
  );
}

const WRONG: UserError = { field: ['parameters'], code: 'INVALID', message: NO_OBJECT };
