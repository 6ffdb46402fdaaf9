import type { Dispatch } from 'react';
import { errorAt, type UserError } from '../api/errors';
import { Field } from '../ui/Field';
import { type Draft, valuesIn, variablesOf } from './draft';
import css from './Variables.module.css';

interface VariablesProps {
  draft: Draft;
  refusals: readonly UserError[];
  onChange: Dispatch<(draft: Draft) => Draft>;
}

/** A field for each {{variable}} of the prompts; each further value makes the batch larger. */
export function Variables({ draft, refusals, onChange }: VariablesProps) {
  const names = variablesOf(draft);
  if (names.length === 0) return null;
  return (
    <section className={css.variables} aria-label="Variables">
      <h2>Variables</h2>
      <div className={css.fields}>
        {names.map((name) => (
          <Field
            key={name}
            label={<code>{`{{${name}}}`}</code>}
            hint={hintOf(valuesIn(draft.values[name] ?? '').length)}
            error={draft.values[name] === undefined ? null : errorAt(refusals, 'variables', name)}
          >
            {(control) => (
              <textarea
                {...control}
                rows={2}
                value={draft.values[name] ?? ''}
                onChange={({ target: { value } }) =>
                  onChange((now) => ({ ...now, values: { ...now.values, [name]: value } }))
                }
              />
            )}
          </Field>
        ))}
      </div>
    </section>
  );
}

function hintOf(count: number): string {
  if (count === 0) return 'A value on each line.';
  return count === 1 ? '1 value. Another line makes more.' : `${count} values: ${count} times the images.`;
}
