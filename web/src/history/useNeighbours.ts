import { useEffect } from 'react';
import { api } from '../api/client';
import type { List } from '../api/list';
import { useList } from '../api/useList';
import { type ListedImage, OneImage } from './documents';
import { isMoreNeeded, type Neighbours, neighboursOf } from './neighbours';

/** The images beside this one in a list, which is walked as far as it takes; both are fetched ahead. */
export function useNeighbours(list: List<ListedImage>, id: string): Neighbours & { total: number | null } {
  const listed = useList(list);
  const neighbours = neighboursOf(listed.items, id);
  const { previous, next } = neighbours;
  const goesOn = listed.phase === 'resting' && isMoreNeeded(listed, id);
  useEffect(() => {
    if (goesOn) void list.more();
  }, [list, goesOn]);
  useEffect(() => {
    for (const each of [next, previous]) if (each) void fetchAhead(each);
  }, [next, previous]);
  return { ...neighbours, total: listed.total };
}

async function fetchAhead(id: string): Promise<void> {
  const { data } = await api.client.query(OneImage, { id }, { requestPolicy: 'cache-first' });
  if (data?.image) new Image().src = data.image.url;
}
