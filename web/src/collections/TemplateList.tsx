import { type PointerEvent, type RefObject, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { errorAt, type UserError } from '../api/errors';
import { Choices } from '../compose/documents';
import { Button } from '../ui/Button';
import { Choice } from '../ui/Choice';
import { Field } from '../ui/Field';
import { focusSoon } from '../ui/focus';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { announce, toast } from '../ui/toasts';
import { blankTemplate, type EditedTemplate } from './draft';
import { moved, placeAt } from './order';
import css from './TemplateList.module.css';

type Change = (templates: (now: EditedTemplate[]) => EditedTemplate[]) => void;

interface TemplateListProps {
  templates: EditedTemplate[];
  errors: readonly UserError[];
  onChange: Change;
}

/** The prompts in their order, which a mouse, a finger or two buttons change. */
export function TemplateList({ templates, errors, onChange }: TemplateListProps) {
  const [{ data }] = useQuery({ query: Choices, requestPolicy: 'cache-first' });
  const models = data?.models.map(({ name }) => [name, name] as const) ?? [];
  const list = useRef<HTMLOListElement>(null);
  const { dragged, drag } = useDrag(list, (from, to) => onChange((now) => moved(now, from, to)));

  function move(at: number, by: -1 | 1): void {
    const template = templates[at];
    const to = at + by;
    if (!template || to < 0 || to >= templates.length) return;
    onChange((now) => moved(now, at, to));
    announce(`${template.name || 'Template'} is now ${to + 1} of ${templates.length}`);
    focusSoon(`${template.key}-${by < 0 ? 'up' : 'down'}`);
  }
  function remove(at: number): void {
    const before = templates;
    onChange((now) => now.filter((_, place) => place !== at));
    toast(`“${before[at]?.name || 'Template'}” is taken out`, { undo: () => onChange(() => before) });
    const beside = before[at + 1] ?? before[at - 1];
    focusSoon(beside && `${beside.key}-name`, 'add');
  }
  function add(): void {
    const template = blankTemplate();
    onChange((now) => [...now, template]);
    focusSoon(`${template.key}-name`);
  }
  return (
    <>
      <ol ref={list} className={css.templates} aria-label="Templates">
        {templates.map((template, at) => (
          <li
            key={template.key}
            className={css.template}
            data-dragged={template.key === dragged || undefined}
          >
            <header className={css.header}>
              <span
                className={css.grip}
                title="Drag"
                onPointerDown={(event) => drag(event, at, template.key)}
              >
                <Icon name="grip" />
              </span>
              <h3>{at + 1}</h3>
              <span className={css.tools}>
                <IconButton
                  id={`${template.key}-up`}
                  icon="up"
                  label={`Move ${template.name || 'template'} up`}
                  aria-disabled={at === 0}
                  onClick={() => move(at, -1)}
                />
                <IconButton
                  id={`${template.key}-down`}
                  icon="down"
                  label={`Move ${template.name || 'template'} down`}
                  aria-disabled={at === templates.length - 1}
                  onClick={() => move(at, 1)}
                />
                <IconButton
                  icon="trash"
                  label={`Take out ${template.name || 'template'}`}
                  onClick={() => remove(at)}
                />
              </span>
            </header>
            <Fields
              template={template}
              errorOf={(field) => errorAt(errors, 'templates', `${at}`, field)}
              models={models}
              onChange={(change) =>
                onChange((now) =>
                  now.map((each) => (each.key === template.key ? { ...each, ...change } : each)),
                )
              }
            />
          </li>
        ))}
      </ol>
      <Button id="add" className={css.add} onClick={add}>
        <Icon name="plus" /> Add a template
      </Button>
    </>
  );
}

interface FieldsProps {
  template: EditedTemplate;
  errorOf: (field: string) => string | null;
  models: (readonly [string, string])[];
  onChange: (change: Partial<EditedTemplate>) => void;
}

function Fields({ template, errorOf, models, onChange }: FieldsProps) {
  const { key, name, prompt, model, parameters } = template;
  const [open] = useState(Boolean(model || parameters));
  return (
    <>
      <Field id={`${key}-name`} label="Name" error={errorOf('name')}>
        {(control) => (
          <input {...control} value={name} onChange={({ target }) => onChange({ name: target.value })} />
        )}
      </Field>
      <Field label="Prompt" error={errorOf('prompt')}>
        {(control) => (
          <textarea
            {...control}
            value={prompt}
            onChange={({ target }) => onChange({ prompt: target.value })}
          />
        )}
      </Field>
      <details
        className={css.more}
        open={open || errorOf('parameters') !== null || errorOf('model') !== null}
      >
        <summary>Own model and parameters</summary>
        <div className={css.own}>
          <Choice
            label="Model"
            any="The batch’s"
            error={errorOf('model')}
            value={model}
            options={models}
            onChoose={(chosen) => onChange({ model: chosen })}
          />
          <Field
            label="Parameters"
            hint="A JSON object, merged over the batch’s."
            error={errorOf('parameters')}
          >
            {(control) => (
              <textarea
                {...control}
                spellCheck={false}
                value={parameters}
                onChange={({ target }) => onChange({ parameters: target.value })}
              />
            )}
          </Field>
        </div>
      </details>
    </>
  );
}

/** Moves what is held to where the pointer is, as often as it passes another one. */
function useDrag(list: RefObject<HTMLOListElement | null>, move: (from: number, to: number) => void) {
  const [dragged, setDragged] = useState<number | null>(null);
  function drag(event: PointerEvent, start: number, key: number): void {
    event.preventDefault();
    const stop = new AbortController();
    let from = start;
    setDragged(key);
    const follow = ({ clientY }: { clientY: number }) => {
      const to = placeAt(clientY, from, middlesOf(list.current));
      if (to !== from) move(from, to);
      from = to;
    };
    const end = () => {
      stop.abort();
      setDragged(null);
    };
    // On the window: what is moved in the page loses its hold of the pointer.
    window.addEventListener('pointermove', follow, { signal: stop.signal });
    window.addEventListener('pointerup', end, { signal: stop.signal });
    window.addEventListener('pointercancel', end, { signal: stop.signal });
  }
  return { dragged, drag };
}

function middlesOf(list: HTMLOListElement | null): number[] {
  return [...(list?.children ?? [])].map((item) => {
    const { top, height } = item.getBoundingClientRect();
    return top + height / 2;
  });
}
