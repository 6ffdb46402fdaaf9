import { useState } from 'react';
import { useQuery } from 'urql';
import { act, textOf } from '../api/act';
import { messageOf } from '../api/errors';
import { type Collection, CreateCollection, draftOf, OneCollection } from '../collections/documents';
import { blankTemplate } from '../collections/draft';
import { Editor } from '../collections/Editor';
import type { CollectionDraft } from '../collections/file';
import { download } from '../collections/save';
import { Link, navigate } from '../router/router';
import { NotFound } from '../studio/NotFound';
import { Button, buttonClass } from '../ui/Button';
import { ErrorNote } from '../ui/ErrorNote';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { toast } from '../ui/toasts';
import css from './CollectionPage.module.css';

const LONGEST_NAME = 200;
const { name, prompt } = blankTemplate();
const BLANK: CollectionDraft = {
  name: '',
  description: '',
  templates: [{ name, prompt, model: null, parameters: {} }],
};

export default function CollectionPage({ id }: { id: string }) {
  return id === 'new' ? <Editor id={null} collection={BLANK} /> : <Known id={id} />;
}

function Known({ id }: { id: string }) {
  const [{ data, error, stale }, retry] = useQuery({ query: OneCollection, variables: { id } });
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  if (!data || (stale && !data.collection)) return null;
  if (!data.collection) return <NotFound what="collection" />;
  if (data.collection.shared) return <Shared collection={data.collection} />;
  return <Editor id={id} collection={draftOf(data.collection)} />;
}

/** To be read, started and copied. */
function Shared({ collection }: { collection: Collection }) {
  const [busy, setBusy] = useState(false);
  const draft = draftOf(collection);
  async function copy(): Promise<void> {
    setBusy(true);
    const { payload, errors } = await act(CreateCollection, {
      input: { ...draft, name: `Copy of ${draft.name}`.slice(0, LONGEST_NAME) },
    });
    setBusy(false);
    if (!payload?.collection) return toast(textOf(errors));
    toast(`“${draft.name}” is copied into your own`);
    navigate(`/collections/${payload.collection.id}`);
  }
  const actions = (
    <>
      <Button onClick={() => download([draft], draft.name)}>
        <Icon name="download" /> Export
      </Button>
      <Button busy={busy} onClick={copy}>
        <Icon name="copy" /> Copy to my own
      </Button>
      <Link to={`/?collection=${collection.id}`} className={buttonClass('primary')}>
        Start a batch
      </Link>
    </>
  );
  return (
    <Page title={draft.name} actions={actions}>
      <p className={css.about}>
        {draft.description} <span>Shared with everybody: copy it to change it.</span>
      </p>
      <ol className={css.templates}>
        {collection.templates.map((template) => (
          <li key={template.id} className={css.template}>
            <h2>{template.name}</h2>
            <p>{template.prompt}</p>
            {template.model && <p className={css.model}>{template.model}</p>}
          </li>
        ))}
      </ol>
    </Page>
  );
}
