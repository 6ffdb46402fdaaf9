import { type Dispatch, useId } from 'react';
import { errorAt, type UserError } from '../api/errors';
import { Button } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import {
  type Draft,
  type DraftTemplate,
  includedIn,
  isEdited,
  placesIn,
  withNewTemplate,
  withoutTemplate,
  withTemplate,
} from './draft';
import css from './Templates.module.css';

interface TemplatesProps {
  draft: Draft;
  refusals: readonly UserError[];
  onChange: Dispatch<(draft: Draft) => Draft>;
}

/** The prompts of the batch: the collection's, each editable or left out, and those that are added. */
export function Templates({ draft, refusals, onChange }: TemplatesProps) {
  const heading = useId();
  const places = placesIn(draft);
  const add = () => onChange((now) => withNewTemplate(now));
  if (draft.templates.length === 0) return <NothingYet onAdd={add} />;
  return (
    <section aria-labelledby={heading} className={css.section}>
      <header className={css.header}>
        <h2 id={heading}>Prompts</h2>
        <p className={css.count}>
          {includedIn(draft).length} of {draft.templates.length} in this batch
        </p>
      </header>
      <ol className={css.templates}>
        {draft.templates.map((template) => (
          <OneTemplate
            key={template.key}
            template={template}
            refusals={refusals}
            place={places.get(template.key) ?? ''}
            onChange={onChange}
          />
        ))}
      </ol>
      <Button className={css.add} onClick={add}>
        <Icon name="plus" /> Add a prompt
      </Button>
    </section>
  );
}

function NothingYet({ onAdd }: { onAdd: () => void }) {
  const action = (
    <Button look="primary" onClick={onAdd}>
      Write a prompt
    </Button>
  );
  return (
    <EmptyState title="What shall be made?" action={action}>
      Choose a collection of prompts above, or write one of your own. Words in {'{{braces}}'} become fields
      with as many values as you like.
    </EmptyState>
  );
}

interface OneTemplateProps {
  template: DraftTemplate;
  refusals: readonly UserError[];
  place: string;
  onChange: Dispatch<(draft: Draft) => Draft>;
}

function OneTemplate({ template, refusals, place, onChange }: OneTemplateProps) {
  const { key, kept, name, prompt, included } = template;
  const change = (to: Partial<DraftTemplate>) => onChange((draft) => withTemplate(draft, key, to));
  return (
    <li className={css.template} data-left-out={included ? undefined : true}>
      <div className={css.first}>
        <input
          type="checkbox"
          className={css.check}
          aria-label={`${name}: in this batch`}
          checked={included}
          onChange={(event) => change({ included: event.target.checked })}
        />
        <input
          className={css.name}
          aria-label="Name"
          value={name}
          maxLength={200}
          disabled={!included}
          onChange={(event) => change({ name: event.target.value })}
        />
        {kept?.model && <span className={css.model}>{kept.model}</span>}
        {kept && isEdited(template) && (
          <IconButton
            icon="retry"
            label={`${kept.name}: as the collection has it`}
            onClick={() => change({ name: kept.name, prompt: kept.prompt })}
          />
        )}
        {!kept && (
          <IconButton
            icon="trash"
            label={`Take ${name} away`}
            onClick={() => onChange((draft) => withoutTemplate(draft, key))}
          />
        )}
      </div>
      <Field
        label={<span className="aside">Prompt of {name}</span>}
        error={
          errorAt(refusals, 'templates', place, 'prompt') ?? errorAt(refusals, 'templates', place, 'name')
        }
      >
        {(control) => (
          <textarea
            {...control}
            rows={2}
            maxLength={10_000}
            value={prompt}
            disabled={!included}
            placeholder="A lighthouse at {{time}}, watercolour"
            // biome-ignore lint/a11y/noAutofocus: it was asked for by the button just pressed.
            autoFocus={!kept && prompt === ''}
            onChange={(event) => change({ prompt: event.target.value })}
          />
        )}
      </Field>
    </li>
  );
}
