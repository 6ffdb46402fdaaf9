import { useEffect } from 'react';
import { act, textOf } from '../api/act';
import type { List } from '../api/list';
import { useList } from '../api/useList';
import { Link } from '../router/router';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Endless } from '../ui/Endless';
import { focusSoon } from '../ui/focus';
import { announce, toast } from '../ui/toasts';
import { BatchCard } from './BatchCard';
import css from './BatchList.module.css';
import { type BatchCardData, DeleteBatch, RestoreBatch } from './documents';
import { addressOf, countOf, type Filters, NO_FILTERS } from './filters';
import { batchList } from './lists';
import { useHistoryUpdates } from './useHistoryUpdates';

/** Batches as groups, each with its first images; live. */
export function BatchList({ filters }: { filters: Filters }) {
  const list = batchList(filters);
  const listed = useList(list);
  const { items, total, phase } = listed;
  useHistoryUpdates(({ batch }) => batch && take(list, batch, filters.trash), list.refreshSoon);
  useTotal(total, phase, 'batches');
  return (
    <Endless list={list} listed={listed} empty={<Nothing filters={filters} what="batch" />}>
      <ol className={css.batches} aria-label="Batches">
        {items.map((batch) => (
          <li key={batch.id}>
            <BatchCard
              batch={batch}
              onChange={list.put}
              onDelete={() => remove(list, batch)}
              onRestore={() => restore(list, batch)}
            />
          </li>
        ))}
      </ol>
    </Endless>
  );
}

/** What is shown changes in place; what is new, or belongs here no more, is asked for: the API knows the filters. */
function take(list: List<BatchCardData>, batch: BatchCardData, trash: boolean): void {
  const isKnown = list.get().items.some(({ id }) => id === batch.id);
  if ((batch.deletedAt !== null) !== trash) list.remove(batch.id);
  else if (isKnown) list.put(batch);
  else list.refreshSoon();
}

async function remove(list: List<BatchCardData>, batch: BatchCardData): Promise<void> {
  const beside = besideOf(list, batch.id);
  const { payload, errors } = await act(DeleteBatch, { id: batch.id });
  if (!payload) return toast(textOf(errors));
  list.remove(batch.id);
  toast(`“${batch.title}” is in the trash`, { undo: () => void restore(list, batch, true) });
  focusSoon(...beside);
}

async function restore(list: List<BatchCardData>, batch: BatchCardData, comesBack = false): Promise<void> {
  const beside = besideOf(list, batch.id);
  const { payload, errors } = await act(RestoreBatch, { id: batch.id });
  if (!payload) return toast(textOf(errors));
  if (!comesBack) list.remove(batch.id);
  await list.refresh();
  if (comesBack) announce(`“${batch.title}” is back`);
  else toast(`“${batch.title}” is in the history again`);
  focusSoon(...(comesBack ? [batch.id] : beside));
}

/** Who is next where this one goes: the one after it, or before it, or the page. */
export function besideOf(list: List<{ id: string }>, id: string): (string | undefined)[] {
  const ids = list.get().items.map((each) => each.id);
  const at = ids.indexOf(id);
  return [ids[at + 1], ids[at - 1], 'main'];
}

/** Says how many there are when a list has been read. */
export function useTotal(total: number | null, phase: string, what: string): void {
  const isKnown = phase !== 'loading' && total !== null;
  useEffect(() => {
    if (isKnown) announce(`${total} ${what}`);
  }, [isKnown, total, what]);
}

interface NothingProps {
  filters: Filters;
  what: string;
}

export function Nothing({ filters, what }: NothingProps) {
  const { show, trash } = filters;
  if (countOf(filters) || filters.search) {
    return (
      <EmptyState
        title={`No ${what} matches`}
        action={
          <Link to={`/history${addressOf({ ...NO_FILTERS, show, trash })}`} className={buttonClass()}>
            Show all
          </Link>
        }
      >
        Fewer words or filters find more. A word is found whole or by its beginning.
      </EmptyState>
    );
  }
  if (trash) {
    return (
      <EmptyState title="The trash is empty">What you delete waits here, and can be restored.</EmptyState>
    );
  }
  return (
    <EmptyState
      title={`No ${what} yet`}
      action={
        <Link to="/" className={buttonClass('primary')}>
          Start a batch
        </Link>
      }
    >
      {show === 'single'
        ? 'Images that are made on their own, outside any batch, are kept here.'
        : 'Every image that you make is kept here, batch by batch.'}
    </EmptyState>
  );
}
