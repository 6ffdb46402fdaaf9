import type { CombinedError } from 'urql';
import { messageOf } from '../api/errors';
import { createList } from '../api/list';
import { ask, listAt, useList } from '../api/useList';
import { Collections, draftOf } from '../collections/documents';
import { Import } from '../collections/Import';
import { download } from '../collections/save';
import { Link, useSearch } from '../router/router';
import { Button, buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Endless } from '../ui/Endless';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { SearchField } from '../ui/SearchField';
import { toast } from '../ui/toasts';
import css from './CollectionsPage.module.css';

export default function CollectionsPage() {
  const [search, changeSearch] = useSearch();
  const words = search.get('q') ?? '';
  const list = collectionList(words);
  const listed = useList(list);
  const own = listed.items.filter(({ shared }) => !shared);
  const actions = (
    <>
      <Import onImported={() => void list.refresh()} />
      <Button disabled={own.length === 0} onClick={() => void exportOwn()}>
        <Icon name="download" /> Export mine
      </Button>
      <NewCollection />
    </>
  );
  return (
    <Page title="Collections" actions={actions}>
      <SearchField
        label="Search names and descriptions"
        value={words}
        onSearch={(q, goesOn) => changeSearch({ q }, { push: !goesOn })}
      />
      <Endless list={list} listed={listed} empty={<Nothing words={words} />}>
        <ul className={css.collections} aria-label="Collections">
          {listed.items.map(({ id, name, description, shared, templates }) => (
            <li key={id} className={css.collection}>
              <header className={css.header}>
                <h2>
                  <Link to={`/collections/${id}`}>{name}</Link>
                </h2>
                {shared && <span className={css.shared}>Shared</span>}
              </header>
              {description && <p>{description}</p>}
              <p className={css.templates}>{templates.map((template) => template.name).join(' · ')}</p>
              <div className={css.actions}>
                <Link
                  to={`/?collection=${id}`}
                  className={buttonClass()}
                  aria-label={`Start a batch from ${name}`}
                >
                  Start a batch
                </Link>
                <span>{templates.length === 1 ? '1 template' : `${templates.length} templates`}</span>
              </div>
            </li>
          ))}
        </ul>
      </Endless>
    </Page>
  );
}

function NewCollection() {
  return (
    <Link to="/collections/new" className={buttonClass('primary')}>
      <Icon name="plus" /> New collection
    </Link>
  );
}

function Nothing({ words }: { words: string }) {
  if (words) {
    return (
      <EmptyState title="No collection matches">
        Fewer words find more. A word is found whole or by its beginning.
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No collection yet" action={<NewCollection />}>
      A collection is a set of prompts that are made together, again and again.
    </EmptyState>
  );
}

/** All of them, also those that are not shown yet. */
async function exportOwn(): Promise<void> {
  const own = createList(async (after, first, counted) => {
    return (await ask(Collections, { filter: { shared: false }, after, first, counted })).collections;
  }, 100);
  await own.refresh();
  while (own.get().cursor && own.get().phase === 'resting') await own.more();
  if (own.get().phase === 'failed') return toast(messageOf(own.get().error as CombinedError));
  download(own.get().items.map(draftOf), 'collections');
}

function collectionList(words: string) {
  const filter = { search: words || null };
  return listAt(`collections ${words}`, async (after, first, counted) => {
    return (await ask(Collections, { filter, after, first, counted })).collections;
  });
}
