import { act, textOf } from '../api/act';
import type { List } from '../api/list';
import { useList } from '../api/useList';
import { Link } from '../router/router';
import { Button } from '../ui/Button';
import { Endless } from '../ui/Endless';
import { focusSoon } from '../ui/focus';
import { Icon } from '../ui/Icon';
import { ImageTile } from '../ui/ImageTile';
import { toast } from '../ui/toasts';
import { besideOf, Nothing, useTotal } from './BatchList';
import { type ListedImage, RestoreImages } from './documents';
import { addressOf, type Filters } from './filters';
import css from './ImageGrid.module.css';
import { imageList } from './lists';
import { useHistoryUpdates } from './useHistoryUpdates';

/** Images on their own, newest first. */
export function ImageGrid({ filters }: { filters: Filters }) {
  const list = imageList(filters);
  const listed = useList(list);
  // What an update brings may belong here or not: the API knows the filters.
  useHistoryUpdates(({ generation }) => generation?.saved && list.refreshSoon(), list.refreshSoon);
  useTotal(listed.total, listed.phase, 'images');
  return (
    <Endless list={list} listed={listed} empty={<Nothing filters={filters} what="image" />}>
      <ul className={css.grid} aria-label="Images">
        {listed.items.map((image) => (
          <li key={image.id}>
            <Link id={image.id} to={`/images/${image.id}${addressOf(filters)}`} className={css.link}>
              <ImageTile src={image.thumbnailUrl} placeholder={image.placeholder} alt={image.prompt} />
              <span className={css.name}>
                {image.favorite && <Icon name="star" filled />}
                <span>{image.name}</span>
              </span>
            </Link>
            {filters.trash && <Button onClick={() => restore(list, image)}>Restore</Button>}
          </li>
        ))}
      </ul>
    </Endless>
  );
}

async function restore(list: List<ListedImage>, { id, name }: ListedImage): Promise<void> {
  const beside = besideOf(list, id);
  const { payload, errors } = await act(RestoreImages, { ids: [id] });
  if (!payload) return toast(textOf(errors));
  list.remove(id);
  toast(`“${name}” is in the history again`);
  focusSoon(...beside);
}
