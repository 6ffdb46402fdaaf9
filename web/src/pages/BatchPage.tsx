import { placesOf, type Result } from '../api/batchState';
import { useBatchResults } from '../api/useBatchResults';
import { NotFound } from '../studio/NotFound';
import { ImageTile } from '../ui/ImageTile';
import { Page } from '../ui/Page';
import { ProgressBar } from '../ui/ProgressBar';
import css from './BatchPage.module.css';

export default function BatchPage({ id }: { id: string }) {
  const watched = useBatchResults(id);
  const { batch } = watched;
  if (watched.code === 'NOT_FOUND') return <NotFound what="batch" />;
  if (!batch) return null;
  const { total, succeeded, failed, canceled } = batch.counts;
  return (
    <Page title={batch.title}>
      <ProgressBar label="Images made" total={total} done={succeeded} failed={failed + canceled} />
      <ol className={css.grid}>
        {placesOf(watched).map((result, position) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a place is its position.
          <li key={position}>
            <Place result={result} />
          </li>
        ))}
      </ol>
    </Page>
  );
}

function Place({ result }: { result: Result | null }) {
  const image = result?.images[0];
  return (
    <ImageTile
      src={image?.thumbnailUrl ?? result?.imageUrl ?? null}
      alt={result?.prompt ?? ''}
      placeholder={image?.placeholder ?? null}
    >
      {result?.error && <p className={css.reason}>{result.error.message}</p>}
    </ImageTile>
  );
}
