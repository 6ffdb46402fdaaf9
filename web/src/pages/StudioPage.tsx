import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { errorAt, errorsElsewhere, messageOf, type UserError } from '../api/errors';
import type { ResultOf } from '../api/graphql';
import { Choices, ChosenCollection, StartBatch } from '../compose/documents';
import { EMPTY_DRAFT, includedIn, inputOf, placesIn, variablesOf, withCollection } from '../compose/draft';
import { fieldsOf } from '../compose/inputFields';
import { ModelInputs } from '../compose/ModelInputs';
import { ReferenceImage } from '../compose/ReferenceImage';
import { Templates } from '../compose/Templates';
import { usePreview } from '../compose/usePreview';
import { useReference } from '../compose/useReference';
import { Variables } from '../compose/Variables';
import { Link, navigate, useSearch } from '../router/router';
import { Button } from '../ui/Button';
import { ErrorNote } from '../ui/ErrorNote';
import { Field } from '../ui/Field';
import { Page } from '../ui/Page';
import css from './StudioPage.module.css';

type Choice = ResultOf<typeof Choices>;
type Collection = ResultOf<typeof ChosenCollection>['collection'];

/** Where a batch is composed; the address may name the collection to begin with. */
export default function StudioPage() {
  const [search, changeSearch] = useSearch();
  const id = search.get('collection');
  const [{ data, error }, retry] = useQuery({ query: Choices });
  const [chosen] = useQuery({ query: ChosenCollection, variables: { id: id ?? '' }, pause: id === null });
  const collection = id === null ? null : (chosen.data?.collection ?? null);
  return (
    <Page title="New batch">
      {error && !data && <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>}
      {chosen.error && <ErrorNote>{messageOf(chosen.error)}</ErrorNote>}
      {data && (
        <Composer
          choices={data}
          collection={collection}
          onCollection={(collection) => changeSearch({ collection })}
        />
      )}
    </Page>
  );
}

interface ComposerProps {
  choices: Choice;
  collection: Collection;
  onCollection: (id: string | null) => void;
}

function Composer({ choices, collection, onCollection }: ComposerProps) {
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const reference = useReference();
  const model = choices.models.find(({ name }) => name === draft.model) ?? choices.models[0];
  const chosen = collection?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was edited outlives a second answer.
  useEffect(() => setDraft((now) => withCollection(now, collection)), [chosen]);

  const fields = useMemo(() => (model ? fieldsOf(model.inputSchema, model.referenceInput) : []), [model]);
  const input = inputOf({ ...draft, referenceUrl: reference.url });
  const preview = usePreview(includedIn(draft).length > 0 ? input : null);
  const start = useStart(JSON.stringify(input));
  const refusals = start.refusals.length > 0 ? start.refusals : preview.refusals;
  const isWaiting = reference.share !== null;

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isWaiting) void start.start();
  }

  return (
    <form className={css.studio} onSubmit={submit}>
      <div className={css.prompts}>
        <CollectionChoice choices={choices} collection={collection} onCollection={onCollection} />
        <Templates draft={draft} refusals={refusals} onChange={setDraft} />
        <Variables draft={draft} refusals={refusals} onChange={setDraft} />
      </div>
      <div className={css.settings}>
        <ReferenceImage
          reference={reference}
          taken={!model?.inputSchema || model.referenceInput !== null}
          error={errorAt(refusals, 'referenceUrl')}
        />
        <Field label="Model" error={errorAt(refusals, 'model')}>
          {(control) => (
            <select
              {...control}
              value={model?.name}
              onChange={({ target: { value } }) =>
                setDraft((now) => ({ ...now, model: value, parameters: {} }))
              }
            >
              {choices.models.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <ModelInputs
          key={model?.name}
          fields={fields}
          values={draft.parameters}
          refusals={refusals}
          onChange={(name, value) =>
            setDraft(({ parameters: { [name]: _, ...others }, ...now }) => ({
              ...now,
              parameters: value === undefined ? others : { ...others, [name]: value },
            }))
          }
        />
        <Field label="Images of each prompt" error={errorAt(refusals, 'variants')}>
          {(control) => (
            <input
              {...control}
              type="number"
              min={1}
              max={100}
              required
              value={draft.variants || ''}
              onChange={({ target }) =>
                setDraft((now) => ({ ...now, variants: Math.trunc(target.valueAsNumber) || 0 }))
              }
            />
          )}
        </Field>
        <Field label="Title" error={errorAt(refusals, 'title')}>
          {(control) => (
            <input
              {...control}
              maxLength={200}
              placeholder="The collection and the time"
              value={draft.title}
              onChange={({ target: { value } }) => setDraft((now) => ({ ...now, title: value }))}
            />
          )}
        </Field>
        <div className={css.start}>
          <Count total={preview.total} waiting={preview.refusals.length > 0} />
          {preview.error && <ErrorNote>{preview.error}</ErrorNote>}
          {start.error && <ErrorNote>{start.error}</ErrorNote>}
          <Refusals refusals={errorsElsewhere(refusals, shownAt(draft))} />
          <Button
            type="submit"
            look={preview.total > 0 ? 'primary' : 'plain'}
            busy={start.isStarting || isWaiting}
          >
            {isWaiting ? 'Uploading the reference…' : 'Start'}
          </Button>
        </div>
      </div>
    </form>
  );
}

/** Sends the input once, however often it is pressed or has to be sent again. */
function useStart(input: string) {
  const [{ fetching, error }, startBatch] = useMutation(StartBatch);
  const [refused, setRefused] = useState<{ input: string; refusals: UserError[] } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another input is another start.
  const idempotencyKey = useMemo(newKey, [input]);

  async function start(): Promise<void> {
    const { data } = await startBatch({ input: { ...JSON.parse(input), idempotencyKey } });
    if (data?.startBatch.batchId) navigate(`/batches/${data.startBatch.batchId}`);
    else if (data) setRefused({ input, refusals: data.startBatch.userErrors });
  }
  return {
    start,
    isStarting: fetching,
    error: error ? messageOf(error) : null,
    refusals: refused?.input === input ? refused.refusals : [],
  };
}

interface CollectionChoiceProps {
  choices: Choice;
  collection: Collection;
  onCollection: (id: string | null) => void;
}

function CollectionChoice({ choices, collection, onCollection }: CollectionChoiceProps) {
  const { nodes, pageInfo } = choices.collections;
  const isListed = !collection || nodes.some(({ id }) => id === collection.id);
  const hint = collection?.description || (
    <>
      Sets of prompts, kept on the page <Link to="/collections">Collections</Link>
      {pageInfo.hasNextPage && ', where the others are'}.
    </>
  );
  return (
    <Field label="Collection" hint={hint}>
      {(control) => (
        <select
          {...control}
          value={collection?.id ?? ''}
          onChange={(event) => onCollection(event.target.value || null)}
        >
          <option value="">None: only prompts of my own</option>
          {!isListed && <option value={collection.id}>{collection.name}</option>}
          {nodes.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Count({ total, waiting }: { total: number; waiting: boolean }) {
  return (
    <p className={css.count} role="status">
      <strong>{total.toLocaleString('en')}</strong> {total === 1 ? 'image' : 'images'}
      {total === 0 && !waiting && (
        <span className={css.what}>Choose a collection or write a prompt first.</span>
      )}
    </p>
  );
}

function Refusals({ refusals }: { refusals: readonly UserError[] }) {
  if (refusals.length === 0) return null;
  return (
    <ul className={css.refusals}>
      {refusals.map(({ message }) => (
        <li key={message}>{message}</li>
      ))}
    </ul>
  );
}

/** The fields that say their own refusals. A variable's is said here until its field was touched. */
function shownAt(draft: Parameters<typeof placesIn>[0]): string[] {
  const templates = [...placesIn(draft).values()].flatMap((place) => [
    `templates.${place}.prompt`,
    `templates.${place}.name`,
  ]);
  const variables = variablesOf(draft)
    .filter((name) => draft.values[name] !== undefined)
    .map((name) => `variables.${name}`);
  return ['referenceUrl', 'model', 'variants', 'title', ...templates, ...variables];
}

function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-');
}
