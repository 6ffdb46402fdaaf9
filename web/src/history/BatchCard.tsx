import { memo, useState } from 'react';
import { act, textOf } from '../api/act';
import { isOver, statusInWords } from '../batch/words';
import { Link, navigate } from '../router/router';
import { Button, buttonClass } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Confirm';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import { ImageTile } from '../ui/ImageTile';
import { ProgressBar } from '../ui/ProgressBar';
import { Rename } from '../ui/Rename';
import { toast } from '../ui/toasts';
import { When } from '../ui/When';
import css from './BatchCard.module.css';
import { type BatchCardData, UpdateBatch } from './documents';
import { addressOf, filtersIn } from './filters';
import { RunAgain } from './RunAgain';

interface BatchCardProps {
  batch: BatchCardData;
  onChange: (batch: BatchCardData) => void;
  onDelete: () => void;
  onRestore: () => void;
}

type Change = { title?: string; favorite?: boolean; tags?: string[] };

export const BatchCard = memo(function BatchCard({ batch, onChange, onDelete, onRestore }: BatchCardProps) {
  const { id, title, favorite } = batch;
  async function change(input: Change): Promise<string | null> {
    const { payload, errors } = await act(UpdateBatch, { input: { id, ...input } });
    if (payload?.batch) onChange(payload.batch);
    return payload ? null : textOf(errors);
  }
  async function mark(): Promise<void> {
    const wrong = await change({ favorite: !favorite });
    if (wrong) toast(wrong);
  }
  return (
    <article className={css.card} aria-labelledby={id}>
      <header className={css.header}>
        {batch.deletedAt ? (
          <h2 id={id} tabIndex={-1}>
            {title}
          </h2>
        ) : (
          <Rename value={title} label={`Rename ${title}`} onSave={(now) => change({ title: now })}>
            <h2>
              <Link id={id} to={`/batches/${id}`}>
                {title}
              </Link>
            </h2>
          </Rename>
        )}
        {!batch.deletedAt && (
          <IconButton
            icon="star"
            label={`Favourite: ${title}`}
            aria-pressed={favorite}
            filled={favorite}
            onClick={mark}
          />
        )}
      </header>
      <Facts batch={batch} />
      <Strip batch={batch} />
      {batch.deletedAt ? (
        <div className={css.actions}>
          <Button onClick={onRestore}>
            <Icon name="retry" /> Restore
          </Button>
        </div>
      ) : (
        <>
          <Tags batch={batch} onSave={(tags) => change({ tags })} />
          <Actions batch={batch} onDelete={onDelete} />
        </>
      )}
    </article>
  );
});

function Facts({ batch }: { batch: BatchCardData }) {
  const { status, counts, collection, model, createdAt, deletedAt } = batch;
  return (
    <>
      <p className={css.facts}>
        <span className={css.status} data-status={status}>
          {statusInWords(status)}
        </span>
        <span>
          {counts.succeeded === counts.total
            ? `${counts.total} ${counts.total === 1 ? 'image' : 'images'}`
            : `${counts.succeeded} of ${counts.total} images`}
        </span>
        {counts.failed > 0 && <span className={css.bad}>{counts.failed} failed</span>}
        <When at={createdAt} />
        {collection && <Link to={`/collections/${collection.id}`}>{collection.name}</Link>}
        <span>{model}</span>
        {deletedAt && (
          <span>
            Deleted <When at={deletedAt} />
          </span>
        )}
      </p>
      {!isOver(batch.status) && (
        <ProgressBar
          label={`Images of ${batch.title}`}
          total={counts.total}
          done={counts.succeeded}
          failed={counts.failed + counts.canceled}
        />
      )}
    </>
  );
}

const PLACES = 6;

/** As many places as there are images, six at most: nothing moves when they come. */
function Strip({ batch }: { batch: BatchCardData }) {
  if (batch.deletedAt) return null;
  const { id, title, images, counts } = batch;
  const more = counts.total - PLACES;
  const empty = Math.max(0, Math.min(PLACES, counts.total) - images.nodes.length);
  return (
    <ul className={css.strip} aria-label={`First images of ${title}`}>
      {images.nodes.map(({ id: image, prompt, thumbnailUrl, placeholder }, at) => (
        <li key={image}>
          <Link to={`/images/${image}`}>
            <ImageTile src={thumbnailUrl} placeholder={placeholder} alt={prompt} />
          </Link>
          {at === PLACES - 1 && more > 0 && (
            <Link to={`/batches/${id}`} className={css.more} aria-label={`${more} more images of ${title}`}>
              +{more}
            </Link>
          )}
        </li>
      ))}
      {Array.from({ length: empty }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an empty place is nothing but its position.
        <li key={at} aria-hidden="true">
          <ImageTile src={null} alt="">
            {isOver(batch.status) && <Icon name="warning" />}
          </ImageTile>
        </li>
      ))}
    </ul>
  );
}

function Tags({
  batch,
  onSave,
}: {
  batch: BatchCardData;
  onSave: (tags: string[]) => Promise<string | null>;
}) {
  const { tags, title } = batch;
  function only(tag: string): void {
    const filters = filtersIn(location.search);
    navigate(`/history${addressOf({ ...filters, tags: [...new Set([...filters.tags, tag])] })}`);
  }
  const split = (text: string) =>
    text
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean);
  return (
    <Rename
      value={tags.join(', ')}
      label={`Tags of ${title}`}
      hint="Words, with commas between them"
      optional
      onSave={(text) => onSave(split(text))}
    >
      <div className={css.tags}>
        {tags.length === 0 && <span className={css.none}>No tags</span>}
        {tags.map((tag) => (
          <Chip key={tag} label={`Only batches tagged ${tag}`} onClick={() => only(tag)}>
            {tag}
          </Chip>
        ))}
      </div>
    </Rename>
  );
}

function Actions({ batch, onDelete }: { batch: BatchCardData; onDelete: () => void }) {
  const [open, setOpen] = useState<'again' | 'delete' | null>(null);
  const close = () => setOpen(null);
  const { id, title, counts, downloadUrl } = batch;
  return (
    <div className={css.actions}>
      <Link to={`/batches/${id}`} className={buttonClass()} aria-label={`View batch ${title}`}>
        View batch
      </Link>
      <Button aria-label={`Run ${title} again`} onClick={() => setOpen('again')}>
        <Icon name="retry" /> Run again
      </Button>
      {counts.succeeded > 0 && (
        <a
          href={downloadUrl}
          download
          className={buttonClass('quiet')}
          title="Download as zip"
          aria-label={`Download ${title} as zip`}
        >
          <Icon name="download" />
        </a>
      )}
      <IconButton
        icon="trash"
        label={`Delete ${title}`}
        onClick={() => (!isOver(batch.status) ? setOpen('delete') : onDelete())}
      />
      <RunAgain batch={batch} open={open === 'again'} onClose={close} />
      <Confirm
        title="Delete it while it is under way?"
        action="Cancel and delete"
        open={open === 'delete'}
        onClose={close}
        onConfirm={() => {
          close();
          onDelete();
        }}
      >
        What has not been made yet is cancelled. The batch can be restored from the trash with the images that
        it has by then.
      </Confirm>
    </div>
  );
}
