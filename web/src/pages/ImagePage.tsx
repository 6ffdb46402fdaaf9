import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { act, textOf } from '../api/act';
import { messageOf } from '../api/errors';
import type { List } from '../api/list';
import {
  DeleteImages,
  type ImageFacts,
  type ListedImage,
  OneImage,
  RestoreImages,
  UpdateImage,
} from '../history/documents';
import { Facts } from '../history/Facts';
import { FullSize } from '../history/FullSize';
import { filtersIn, NO_FILTERS } from '../history/filters';
import { imageList, imagesOfBatch } from '../history/lists';
import { useNeighbours } from '../history/useNeighbours';
import { Link, navigate, useSearch } from '../router/router';
import { NotFound } from '../studio/NotFound';
import { Button, buttonClass } from '../ui/Button';
import { ErrorNote } from '../ui/ErrorNote';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { ImageTile } from '../ui/ImageTile';
import { Page } from '../ui/Page';
import { Rename } from '../ui/Rename';
import { announce, toast } from '../ui/toasts';
import css from './ImagePage.module.css';

/** An image, large, with its neighbours: those of the list in the address, else of its batch. */
export default function ImagePage({ id }: { id: string }) {
  const [{ data, error }, retry] = useQuery({ query: OneImage, variables: { id } });
  const image = data?.image;
  const last = useRef<ImageFacts>(undefined);
  // The one before stays until the next one is known: nothing jumps.
  if (image) last.current = image;
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  if (data && !image) return <NotFound what="image" />;
  const shown = image ?? last.current;
  return shown ? <Opened image={shown} onChange={() => retry({ requestPolicy: 'network-only' })} /> : null;
}

function Opened({ image, onChange }: { image: ImageFacts; onChange: () => void }) {
  const [search] = useSearch();
  const query = search.toString();
  const list = listOf(image, query);
  const { place, previous, next, total } = useNeighbours(list, image.id);
  const [large, setLarge] = useState(false);
  const { id, name, batch, deletedAt } = image;

  function go(to: string | null): void {
    if (to) navigate(`/images/${to}${query && `?${query}`}`, { replace: true });
  }
  useArrows((step) => go(step < 0 ? previous : next));
  useEffect(() => {
    announce(place ? `${name}, ${place} of ${total ?? 'many'}` : name);
  }, [name, place, total]);

  async function change(input: { name?: string; favorite?: boolean }): Promise<string | null> {
    const { payload, errors } = await act(UpdateImage, { input: { id, ...input } });
    if (payload) onChange();
    return payload ? null : textOf(errors);
  }
  async function mark(): Promise<void> {
    const wrong = await change({ favorite: !image.favorite });
    if (wrong) toast(wrong);
  }
  const back = query || !batch ? `/history${query && `?${query}`}` : `/batches/${batch.id}`;

  return (
    <Page
      title={name}
      heading={
        <Rename key={id} value={name} label="Rename image" onSave={(now) => change({ name: now })}>
          <h1>{name}</h1>
        </Rename>
      }
      actions={
        <Link to={back} className={buttonClass('quiet')}>
          <Icon name="left" /> {query || !batch ? 'Back to the list' : 'Back to the batch'}
        </Link>
      }
    >
      <div className={css.parts}>
        <div className={css.stage}>
          <button type="button" className={css.picture} style={shapeOf(image)} onClick={() => setLarge(true)}>
            <ImageTile
              src={image.url}
              placeholder={image.placeholder}
              alt={image.prompt}
              {...sizeOf(image)}
              ownShape
            />
            <span className="aside">See it full size</span>
          </button>
          <div className={css.ways}>
            <IconButton
              icon="left"
              label="Previous image"
              aria-disabled={!previous}
              onClick={() => go(previous)}
            />
            <span className={css.place}>{place && total ? `${place} of ${total}` : ' '}</span>
            <IconButton icon="right" label="Next image" aria-disabled={!next} onClick={() => go(next)} />
          </div>
        </div>
        <div className={css.about}>
          <div className={css.actions}>
            <Button onClick={() => setLarge(true)}>Full size</Button>
            <a className={buttonClass()} href={image.url} download={name}>
              <Icon name="download" /> Download
            </a>
            {deletedAt ? (
              <Button onClick={() => void restore(list, id)}>
                <Icon name="retry" /> Restore
              </Button>
            ) : (
              <>
                <IconButton
                  icon="star"
                  label="Favourite"
                  aria-pressed={image.favorite}
                  filled={image.favorite}
                  onClick={mark}
                />
                <IconButton
                  icon="trash"
                  label="Delete image"
                  onClick={() => void remove(image, list, next ?? previous, back)}
                />
              </>
            )}
          </div>
          <Facts image={image} />
        </div>
      </div>
      <FullSize image={image} open={large} onClose={() => setLarge(false)} />
    </Page>
  );
}

/** The list that it was opened from, with the filters that its address tells; else its batch. */
function listOf({ batch }: ImageFacts, query: string): List<ListedImage> {
  if (batch && !query) return imagesOfBatch(batch.id);
  return imageList(query ? filtersIn(query) : { ...NO_FILTERS, show: 'single' });
}

/** Left and right, unless they mean something where the focus is. */
function useArrows(go: (step: -1 | 1) => void): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const isText = event.target instanceof Element && event.target.closest('input, textarea, select');
    if (!step || isText || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(step);
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}

const STEPS: Record<string, -1 | 1> = { ArrowLeft: -1, ArrowRight: 1 };

/** To the one beside it, which takes its place; back to the list after the last. */
async function remove(
  image: ImageFacts,
  list: List<ListedImage>,
  beside: string | null,
  back: string,
): Promise<void> {
  const { payload, errors } = await act(DeleteImages, { ids: [image.id] });
  if (!payload) return toast(textOf(errors));
  const address = `/images/${image.id}${location.search}`;
  list.remove(image.id);
  toast(`“${image.name}” is in the trash`, {
    undo: async () => {
      await restore(list, image.id);
      if (location.pathname.startsWith('/images/')) navigate(address, { replace: true });
    },
  });
  navigate(beside ? `/images/${beside}${location.search}` : back, { replace: true });
}

async function restore(list: List<ListedImage>, id: string): Promise<void> {
  const { payload, errors } = await act(RestoreImages, { ids: [id] });
  if (!payload) return toast(textOf(errors));
  announce('The image is in the history again');
  await list.refresh();
}

function sizeOf({ width, height }: ImageFacts) {
  return { width: width ?? 1, height: height ?? 1 };
}

/** As large as the window takes, in the picture's own proportions, before it is here. */
function shapeOf(image: ImageFacts) {
  const { width, height } = sizeOf(image);
  return { width: `min(100%, calc((100dvh - 15rem) * ${width / height}))` };
}
