import { memo, type ReactNode } from 'react';
import type { Result } from '../api/batchState';
import { Link } from '../router/router';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ImageTile } from '../ui/ImageTile';
import css from './BatchGrid.module.css';
import { useRows } from './useRows';

interface BatchGridProps {
  /** One for each image of the batch; null where nothing has moved yet. */
  places: readonly (Result | null)[];
  onRetry: (generationId: string) => void;
}

/** All places of a batch from the start, filled one by one; of many, those near the window are drawn. */
export function BatchGrid({ places, onRetry }: BatchGridProps) {
  const { grid, columns, gap, rowHeight, rows, from, to } = useRows(places.length);
  const drawn = places.slice(from * columns, to * columns);
  return (
    <ol
      ref={grid}
      className={css.grid}
      aria-label="Images"
      style={{
        gap,
        gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
        height: Math.max(0, rows * rowHeight - gap),
        paddingTop: from * rowHeight,
      }}
    >
      {drawn.map((result, at) => {
        const position = from * columns + at;
        return (
          <li key={position} aria-setsize={places.length} aria-posinset={position + 1}>
            <Place result={result} onRetry={onRetry} />
          </li>
        );
      })}
    </ol>
  );
}

interface PlaceProps {
  result: Result | null;
  onRetry: (generationId: string) => void;
}

const Place = memo(function Place({ result, onRetry }: PlaceProps) {
  return (
    <figure className={css.place}>
      {result?.imageRecordId ? (
        <Link to={`/images/${result.imageRecordId}`} className={css.link}>
          <Tile result={result} />
        </Link>
      ) : (
        <Tile result={result}>{result && <Instead result={result} onRetry={onRetry} />}</Tile>
      )}
      <figcaption className={css.caption}>{result?.templateName ?? '\u00a0'}</figcaption>
    </figure>
  );
});

function Tile({ result, children }: { result: Result | null; children?: ReactNode }) {
  const image = result?.images[0];
  return (
    <ImageTile
      src={image?.thumbnailUrl ?? result?.imageUrl ?? null}
      alt={result?.prompt ?? ''}
      placeholder={image?.placeholder ?? null}
      still={result === null || result.status === 'QUEUED'}
    >
      {children}
    </ImageTile>
  );
}

/** What stands in a place without a picture, or over one that could not be saved. */
function Instead({ result, onRetry }: { result: Result; onRetry: PlaceProps['onRetry'] }) {
  const { error, status } = result;
  const mayRetry = status === 'FAILED' || status === 'CANCELED' || error?.code === 'SAVE_FAILED';
  if (status === 'CANCELED') return <Reason text="Cancelled" {...retryOf(mayRetry, result, onRetry)} />;
  if (!error) return null;
  return <Reason text={error.message} bad={mayRetry} {...retryOf(mayRetry, result, onRetry)} />;
}

function retryOf(mayRetry: boolean, { id, templateName }: Result, onRetry: PlaceProps['onRetry']) {
  return mayRetry ? { what: templateName, onRetry: () => onRetry(id) } : {};
}

interface ReasonProps {
  text: string;
  bad?: boolean;
  what?: string;
  onRetry?: () => void;
}

function Reason({ text, bad = false, what, onRetry }: ReasonProps) {
  return (
    <div className={css.instead}>
      <p className={bad ? css.bad : css.soft} title={text}>
        {bad && <Icon name="warning" />}
        <span>{text}</span>
      </p>
      {onRetry && (
        <Button onClick={onRetry} className={css.retry}>
          <Icon name="retry" /> Retry<span className="aside"> {what}</span>
        </Button>
      )}
    </div>
  );
}
