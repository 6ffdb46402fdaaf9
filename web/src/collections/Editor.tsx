import { type FormEvent, useEffect, useRef, useState } from 'react';
import { act, textOf } from '../api/act';
import { errorAt, errorsElsewhere, type UserError } from '../api/errors';
import { Link, navigate } from '../router/router';
import { Button, buttonClass } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { ErrorNote } from '../ui/ErrorNote';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { Page } from '../ui/Page';
import { toast } from '../ui/toasts';
import { CreateCollection, DeleteCollection, draftOf, UpdateCollection } from './documents';
import { draftIn, type Edited, editedOf, isSame } from './draft';
import css from './Editor.module.css';
import type { CollectionDraft } from './file';
import { download } from './save';
import { TemplateList } from './TemplateList';

// What was written and not saved is there again for who comes back to it.
const unsaved = new Map<string, Edited>();

interface EditorProps {
  /** Null for a new one. */
  id: string | null;
  collection: CollectionDraft;
}

/** A collection of one's own, all of it in one form, saved whole. */
export function Editor({ id, collection }: EditorProps) {
  const name = id ?? '';
  const [saved, setSaved] = useState(() => editedOf(collection));
  const [edited, setEdited] = useState(() => unsaved.get(name) ?? saved);
  const [errors, setErrors] = useState<UserError[]>([]);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const isChanged = !isSame(edited, saved);
  useEffect(() => {
    if (isChanged) unsaved.set(name, edited);
    else unsaved.delete(name);
  }, [name, edited, isChanged]);
  useWarning(isChanged);

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    const result = draftIn(edited);
    if ('errors' in result) return refuse(result.errors);
    setBusy(true);
    const refused = await (id === null ? create(result.draft) : update(id, result.draft));
    setBusy(false);
    refuse(refused);
  }
  function refuse(refused: UserError[]): void {
    setErrors(refused);
    if (!refused.length) return;
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
  }
  async function create(draft: CollectionDraft): Promise<UserError[]> {
    const { payload, errors } = await act(CreateCollection, { input: draft });
    if (!payload?.collection) return errors;
    unsaved.delete(name);
    setSaved(edited);
    toast(`“${draft.name}” is saved`);
    navigate(`/collections/${payload.collection.id}`, { replace: true });
    return [];
  }
  async function update(id: string, draft: CollectionDraft): Promise<UserError[]> {
    const { payload, errors } = await act(UpdateCollection, { input: { id, ...draft } });
    if (!payload?.collection) return errors;
    const now = editedOf(draftOf(payload.collection));
    // As the service has it, under the keys that are on the page.
    now.templates = now.templates.map((each, at) => ({
      ...each,
      key: edited.templates[at]?.key ?? each.key,
    }));
    setSaved(now);
    setEdited(now);
    toast(`“${draft.name}” is saved`);
    return [];
  }
  const shown = [
    'name',
    'description',
    ...edited.templates.flatMap((_, at) => FIELDS.map((f) => `templates.${at}.${f}`)),
  ];
  return (
    <Page
      title={id === null ? 'New collection' : saved.name}
      actions={id !== null && <Actions id={id} name={saved.name} collection={collection} />}
    >
      <form ref={form} className={css.form} noValidate onSubmit={save}>
        {errorsElsewhere(errors, shown).map(({ message }) => (
          <ErrorNote key={message}>{message}</ErrorNote>
        ))}
        <Field label="Name" error={errorAt(errors, 'name')}>
          {(control) => (
            <input
              {...control}
              value={edited.name}
              onChange={({ target }) => setEdited({ ...edited, name: target.value })}
            />
          )}
        </Field>
        <Field label="Description" error={errorAt(errors, 'description')}>
          {(control) => (
            <textarea
              {...control}
              rows={2}
              value={edited.description}
              onChange={({ target }) => setEdited({ ...edited, description: target.value })}
            />
          )}
        </Field>
        <div className={css.about}>
          <h2>Templates</h2>
          <p>
            One prompt each. What stands in double braces, as in <code>{'a portrait of {{subject}}'}</code>,
            is asked for when a batch is started.
          </p>
        </div>
        <TemplateList
          templates={edited.templates}
          errors={errors}
          onChange={(change) => setEdited((now) => ({ ...now, templates: change(now.templates) }))}
        />
        <div className={css.bar}>
          <span role="status">{isChanged ? 'Not saved yet' : id === null ? '' : 'All is saved'}</span>
          {isChanged && id !== null && (
            <Button
              look="quiet"
              onClick={() => {
                setEdited(saved);
                setErrors([]);
                form.current?.querySelector('input')?.focus();
              }}
            >
              Discard
            </Button>
          )}
          <Button type="submit" look="primary" busy={busy || !isChanged}>
            Save
          </Button>
        </div>
      </form>
    </Page>
  );
}

const FIELDS = ['name', 'prompt', 'model', 'parameters'];

interface ActionsProps {
  id: string;
  name: string;
  /** As it is saved. */
  collection: CollectionDraft;
}

function Actions({ id, name, collection }: ActionsProps) {
  const [asked, setAsked] = useState(false);
  async function remove(): Promise<void> {
    setAsked(false);
    const { payload, errors } = await act(DeleteCollection, { id });
    if (!payload) return toast(textOf(errors));
    unsaved.delete(id);
    toast(`“${name}” is deleted`);
    navigate('/collections', { replace: true });
  }
  return (
    <>
      <IconButton icon="trash" label="Delete collection" onClick={() => setAsked(true)} />
      <Button onClick={() => download([collection], name)}>
        <Icon name="download" /> Export
      </Button>
      <Link to={`/?collection=${id}`} className={buttonClass()}>
        Start a batch
      </Link>
      <Confirm
        title={`Delete “${name}”?`}
        action="Delete for good"
        open={asked}
        onClose={() => setAsked(false)}
        onConfirm={() => void remove()}
      >
        It cannot be brought back. Batches and images that were made from it stay, with the prompts that they
        have.
      </Confirm>
    </>
  );
}

/** Before the window is closed: a page can be come back to, a closed window cannot. */
function useWarning(needed: boolean): void {
  useEffect(() => {
    if (!needed) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [needed]);
}
