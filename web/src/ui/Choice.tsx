import { Field } from './Field';

interface ChoiceProps {
  label: string;
  /** What none of them is called. */
  any: string;
  error?: string | null;
  value: string;
  options: readonly (readonly [string, string])[];
  onChoose: (value: string) => void;
}

/** One of the options or none; what the address says is among them, whatever it is. */
export function Choice({ label, any, error = null, value, options, onChoose }: ChoiceProps) {
  const isKnown = !value || options.some(([each]) => each === value);
  return (
    <Field label={label} error={error}>
      {(control) => (
        <select {...control} value={value} onChange={({ target }) => onChoose(target.value)}>
          <option value="">{any}</option>
          {!isKnown && <option value={value}>{value}</option>}
          {options.map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
