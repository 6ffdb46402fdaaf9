import { type FormEvent, type ReactNode, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { act } from '../api/act';
import { errorAt, errorsElsewhere, type UserError } from '../api/errors';
import { Choices } from '../compose/documents';
import { fieldsOf } from '../compose/inputFields';
import { ModelInputs } from '../compose/ModelInputs';
import { ReferenceImage } from '../compose/ReferenceImage';
import { useReference } from '../compose/useReference';
import { navigate } from '../router/router';
import { Button } from '../ui/Button';
import { Choice } from '../ui/Choice';
import { Dialog, DialogActions } from '../ui/Dialog';
import { ErrorNote } from '../ui/ErrorNote';
import { Field } from '../ui/Field';
import { announce } from '../ui/toasts';
import { type BatchCardData, RegenerateBatch } from './documents';
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

const SHOWN = ['title', 'model', 'referenceUrl'];

function Form({ batch, onClose }: Omit<RunAgainProps, 'open'>) {
  const { counts } = batch;
  const failed = counts.failed + counts.canceled;
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [title, setTitle] = useState(batch.title);
  const [model, setModel] = useState('');
  const reference = useReference();
  const [parameters, setParameters] = useState<Record<string, unknown>>({});
  const [errors, setErrors] = useState<UserError[]>([]);
  const [busy, setBusy] = useState(false);
  // The same key for the same form: pressed twice, it starts one batch.
  const [idempotencyKey] = useState(() => crypto.randomUUID?.() ?? null);
  const [{ data }] = useQuery({ query: Choices, requestPolicy: 'cache-first' });
  const models = data?.models ?? [];
  const asked = models.find(({ name }) => name === (model || batch.model));
  const fields = useMemo(() => (asked ? fieldsOf(asked.inputSchema, asked.referenceInput) : []), [asked]);

  async function start(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (reference.share !== null) return;
    setBusy(true);
    const outcome = await act(RegenerateBatch, {
      input: {
        batchId: batch.id,
        onlyFailed,
        title: title.trim() || null,
        model: model || null,
        referenceUrl: reference.url,
        parameters: Object.keys(parameters).length ? parameters : null,
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
        options={models.map(({ name }) => [name, name] as const)}
        error={errorAt(errors, 'model')}
        onChoose={(name) => {
          setModel(name);
          setParameters({});
        }}
      />
      <ModelInputs
        key={asked?.name}
        fields={fields}
        values={parameters}
        refusals={errors}
        otherwise="as before"
        onChange={(name, value) =>
          setParameters(({ [name]: _, ...others }) =>
            value === undefined ? others : { ...others, [name]: value },
          )
        }
      />
      <ReferenceImage
        reference={reference}
        taken={!asked?.inputSchema || asked.referenceInput !== null}
        error={errorAt(errors, 'referenceUrl')}
      />
      <p className={css.hint}>What is left empty stays as it was.</p>
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
      <input
        type="radio"
        name="which"
        data-first={checked || undefined}
        checked={checked}
        disabled={disabled}
        onChange={onCheck}
      />
      <span>{children}</span>
    </label>
  );
}
