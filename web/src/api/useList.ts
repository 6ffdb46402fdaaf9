import { useEffect, useSyncExternalStore } from 'react';
import type { AnyVariables, DocumentInput } from 'urql';
import { api } from './client';
import { createList, type List, type Listed, type Load } from './list';

// Who comes back finds a list as long as it was, at the place where it was left.
const KEPT = 8;
// biome-ignore lint/suspicious/noExplicitAny: each key has its own kind of items.
const kept = new Map<string, List<any>>();

/** The list of this name, made on the first call; the oldest of many is forgotten. */
export function listAt<Item extends { id: string }>(
  key: string,
  load: Load<Item>,
  first?: number,
): List<Item> {
  const list: List<Item> = kept.get(key) ?? createList(load, first);
  kept.delete(key);
  kept.set(key, list);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value ?? '');
  return list;
}

/** The list as it is now, read again whenever a page begins to show it. */
export function useList<Item>(list: List<Item>): Listed<Item> {
  useEffect(() => {
    void list.refresh();
  }, [list]);
  return useSyncExternalStore(list.subscribe, list.get);
}

/** The answer of now, never one that was kept. Throws a CombinedError. */
export async function ask<Data, Variables extends AnyVariables>(
  document: DocumentInput<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const { data, error } = await api.client.query(document, variables, { requestPolicy: 'network-only' });
  if (!data) throw error;
  return data;
}
