import { useQuery } from 'urql';
import { messageOf } from '../api/errors';
import { graphql } from '../api/graphql';
import { Link } from '../router/router';
import { buttonClass } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNote } from '../ui/ErrorNote';
import { ImageTile } from '../ui/ImageTile';
import { Page } from '../ui/Page';
import css from './HistoryPage.module.css';

const History = graphql(`
  query History($after: String) {
    batches(first: 20, after: $after) {
      nodes {
        id title createdAt
        counts { total succeeded }
        images(first: 6) { nodes { id prompt thumbnailUrl(width: 200) placeholder } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function HistoryPage() {
  const [{ data, error }, retry] = useQuery({ query: History });
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  return (
    <Page title="History">
      {data?.batches.nodes.length === 0 && <NothingYet />}
      <ol className={css.batches}>
        {data?.batches.nodes.map((batch) => (
          <li key={batch.id} className={css.batch}>
            <h2>
              <Link to={`/batches/${batch.id}`}>{batch.title}</Link>
            </h2>
            <ul className={css.images}>
              {batch.images.nodes.map((image) => (
                <li key={image.id}>
                  <ImageTile src={image.thumbnailUrl} placeholder={image.placeholder} alt={image.prompt} />
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </Page>
  );
}

function NothingYet() {
  const action = (
    <Link to="/" className={buttonClass('primary')}>
      Start a batch
    </Link>
  );
  return (
    <EmptyState title="No batch yet" action={action}>
      Every image that you make is kept here, batch by batch.
    </EmptyState>
  );
}
