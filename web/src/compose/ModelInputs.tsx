import { type ReactNode, useState } from 'react';
import { errorAt, type UserError } from '../api/errors';
import { type ControlProps, Field } from '../ui/Field';
import { type InputField, readValue, written } from './inputFields';
import css from './ModelInputs.module.css';

interface ModelInputsProps {
  fields: readonly InputField[];
  values: Readonly<Record<string, unknown>>;
  refusals: readonly UserError[];
  /** What holds for those that are not set. */
  otherwise?: string;
  /** undefined for an input that is left to the model. */
  onChange: (name: string, value: unknown) => void;
}

/** A model's inputs; what is left empty is left to the model. */
export function ModelInputs({
  fields,
  values,
  refusals,
  otherwise = 'as the model has them',
  onChange,
}: ModelInputsProps) {
  if (fields.length === 0) return null;
  const set = Object.keys(values).length;
  return (
    <details className={css.inputs}>
      <summary className={css.summary}>
        Model inputs <span className={css.set}>{set > 0 ? `${set} set` : otherwise}</span>
      </summary>
      <div className={css.fields}>
        {fields.map((field) => (
          <OneInput
            key={field.name}
            field={field}
            value={values[field.name]}
            refusal={errorAt(refusals, 'parameters', field.name)}
            onChange={(value) => onChange(field.name, value)}
          />
        ))}
      </div>
    </details>
  );
}

interface OneInputProps {
  field: InputField;
  value: unknown;
  refusal: string | null;
  onChange: (value: unknown) => void;
}

function OneInput({ field, value, refusal, onChange }: OneInputProps) {
  const [text, setText] = useState(written(value));
  const [error, setError] = useState<string | null>(null);
  function write(next: string): void {
    setText(next);
    try {
      onChange(readValue(field, next));
      setError(null);
    } catch {
      onChange(undefined);
      setError('This is no JSON yet.');
    }
  }
  return (
    <Field label={field.label} hint={hintOf(field)} error={error ?? refusal}>
      {(control) => <Control control={control} field={field} text={text} onWrite={write} />}
    </Field>
  );
}

interface ControlOf {
  control: ControlProps;
  field: InputField;
  text: string;
  onWrite: (text: string) => void;
}

function Control({ control, field, text, onWrite }: ControlOf): ReactNode {
  const common = {
    ...control,
    value: text,
    onChange: (event: { target: { value: string } }) => onWrite(event.target.value),
  };
  const standard = written(field.standard);
  switch (field.kind) {
    case 'choice':
    case 'flag':
      return (
        <select {...common}>
          <option value="">{standard ? `${named(standard)} (default)` : 'Default'}</option>
          {choicesOf(field).map((choice) => (
            <option key={choice} value={choice}>
              {named(String(choice))}
            </option>
          ))}
        </select>
      );
    case 'number':
    case 'integer':
      return (
        <input
          {...common}
          type="number"
          min={field.minimum}
          max={field.maximum}
          step={field.kind === 'integer' ? 1 : 'any'}
          placeholder={standard}
        />
      );
    case 'text':
      return <input {...common} type="text" placeholder={standard} />;
    case 'json':
      return <textarea {...common} spellCheck={false} placeholder={standard || '{ } or [ ]'} />;
  }
}

function choicesOf({ kind, choices }: InputField): readonly (string | number)[] {
  return kind === 'flag' ? ['true', 'false'] : choices;
}

function named(choice: string): string {
  return { true: 'Yes', false: 'No' }[choice] ?? choice;
}

function hintOf({ description, minimum, maximum }: InputField): string {
  const bounds =
    minimum !== undefined && maximum !== undefined
      ? `${minimum} to ${maximum}.`
      : minimum !== undefined
        ? `${minimum} or more.`
        : '';
  return [description, bounds].filter(Boolean).join(' ');
}
