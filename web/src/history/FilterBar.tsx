import { useId, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { Choices } from '../compose/documents';
import { Link, navigate } from '../router/router';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Choice } from '../ui/Choice';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { SearchField } from '../ui/SearchField';

import css from './FilterBar.module.css';
import { addressOf, countOf, type Filters, filtersIn, NO_FILTERS, SHOWS, type State } from './filters';

const NAMES = { batches: 'Batches', images: 'Images', single: 'Single images' };
const STATE_NAMES: [State, string][] = [
  ['underway', 'Under way'],
  ['succeeded', 'Succeeded'],
  ['failures', 'With failures'],
  ['canceled', 'Cancelled'],
];

/** Which list, the search in it, and what narrows it: all of it in the address. */
export function FilterBar({ filters }: { filters: Filters }) {
  const [open, setOpen] = useState(false);
  const panel = useId();
  const count = countOf(filters);
  return (
    <search className={css.bar}>
      <div className={css.top}>
        <nav className={css.shows} aria-label="What is shown">
          {SHOWS.map((show) => (
            <Link
              key={show}
              to={`/history${addressOf({ ...filters, show })}`}
              aria-current={show === filters.show ? 'page' : undefined}
            >
              {NAMES[show]}
            </Link>
          ))}
        </nav>
        <SearchField
          label={filters.show === 'batches' ? 'Search titles and prompts' : 'Search names and prompts'}
          value={filters.search}
          // It comes a moment after it was typed: another filter may have been chosen since.
          onSearch={(search, replace) => show({ ...filtersIn(location.search), search }, replace)}
        />
        <Button
          className={css.toggle}
          aria-expanded={open}
          aria-controls={panel}
          onClick={() => setOpen(!open)}
        >
          {count ? `Filters (${count})` : 'Filters'}
        </Button>
      </div>
      <div id={panel} className={css.panel} data-open={open || undefined}>
        <Narrowing filters={filters} />
        {count > 0 && (
          <Button look="quiet" onClick={() => show({ ...NO_FILTERS, ...kept(filters) })}>
            Clear filters
          </Button>
        )}
      </div>
    </search>
  );
}

function kept({ show, search, trash }: Filters) {
  return { show, search, trash };
}

/** A step of its own to go back to, unless it only goes on with the one before. */
function show(filters: Filters, replace = false): void {
  navigate(`/history${addressOf(filters)}`, { replace });
}

function Narrowing({ filters }: { filters: Filters }) {
  const [{ data }] = useQuery({ query: Choices, requestPolicy: 'cache-first' });
  const models = data?.models.map(({ name }) => [name, name] as const) ?? [];
  const collections = data?.collections.nodes.map(({ id, name }) => [id, name] as const) ?? [];
  return (
    <>
      {filters.show === 'batches' && (
        <Choice
          label="State"
          any="Any"
          value={filters.state}
          options={STATE_NAMES}
          onChoose={(state) => show({ ...filters, state: state as State | '' })}
        />
      )}
      <Choice
        label="Collection"
        any="Any"
        value={filters.collection}
        options={collections}
        onChoose={(collection) => show({ ...filters, collection })}
      />
      <Choice
        label="Model"
        any="Any"
        value={filters.model}
        options={models}
        onChoose={(model) => show({ ...filters, model })}
      />
      <Day label="From" value={filters.from} onChoose={(from) => show({ ...filters, from })} />
      <Day label="To" value={filters.to} onChoose={(to) => show({ ...filters, to })} />
      {filters.show === 'batches' && <Tags filters={filters} />}
      <label className={css.check}>
        <input
          type="checkbox"
          checked={filters.favorite}
          onChange={({ target }) => show({ ...filters, favorite: target.checked })}
        />
        Favourites only
      </label>
    </>
  );
}

function Day({ label, value, onChoose }: { label: string; value: string; onChoose: (day: string) => void }) {
  return (
    <Field label={label}>
      {(control) => (
        <input {...control} type="date" value={value} onChange={({ target }) => onChoose(target.value)} />
      )}
    </Field>
  );
}

function Tags({ filters }: { filters: Filters }) {
  const [text, setText] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const { tags } = filters;
  function add(): void {
    if (text.trim()) show({ ...filters, tags: [...new Set([...tags, text.trim()])] });
    setText('');
  }
  function remove(tag: string): void {
    show({ ...filters, tags: tags.filter((each) => each !== tag) });
    input.current?.focus();
  }
  return (
    <div className={css.tags}>
      <Field label="Tag">
        {(control) => (
          <input
            {...control}
            ref={input}
            placeholder="Word, then Enter"
            value={text}
            onChange={({ target }) => setText(target.value)}
            onBlur={add}
            onKeyDown={({ key }) => key === 'Enter' && add()}
          />
        )}
      </Field>
      {tags.map((tag) => (
        <Chip key={tag} label={`Without the tag ${tag}`} onClick={() => remove(tag)}>
          {tag} <Icon name="close" />
        </Chip>
      ))}
    </div>
  );
}
