import { type ReactNode, useId } from 'react';
import css from './Field.module.css';

/** What the control takes, so that its label, hint and error belong to it. */
export interface ControlProps {
  id: string;
  className: string | undefined;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
}

interface FieldProps {
  /** For what has to find the control; made up otherwise. */
  id?: string;
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null;
  /** <Field label="Title">{(control) => <input {...control} ... />}</Field> */
  children: (control: ControlProps) => ReactNode;
}

/** A labelled input, select or textarea with what there is to say about it. */
export function Field({ id: given, label, hint, error, children }: FieldProps) {
  const made = useId();
  const id = given ?? made;
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div className={css.field}>
      <label htmlFor={id} className={css.label}>
        {label}
      </label>
      {children({
        id,
        className: css.control,
        'aria-describedby': about || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hint && (
        <p id={`${id}-hint`} className={css.hint}>
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className={css.error}>
          {error}
        </p>
      )}
    </div>
  );
}
