import { useQuery } from 'urql';
import { messageOf } from '../api/errors';
import { graphql } from '../api/graphql';
import { Link } from '../router/router';
import { EmptyState } from '../ui/EmptyState';
import { ErrorNote } from '../ui/ErrorNote';
import { Page } from '../ui/Page';
import css from './CollectionsPage.module.css';

const Collections = graphql(`
  query Collections($after: String) {
    collections(first: 50, after: $after) {
      nodes { id name description shared templates { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export default function CollectionsPage() {
  const [{ data, error }, retry] = useQuery({ query: Collections });
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  return (
    <Page title="Collections">
      {data?.collections.nodes.length === 0 && (
        <EmptyState title="No collection yet">
          A collection is a set of prompts that are made together, again and again.
        </EmptyState>
      )}
      <ul className={css.collections}>
        {data?.collections.nodes.map(({ id, name, description, templates }) => (
          <li key={id} className={css.collection}>
            <h2>
              <Link to={`/collections/${id}`}>{name}</Link>
            </h2>
            <p>{description}</p>
            <p>{templates.length} templates</p>
          </li>
        ))}
      </ul>
    </Page>
  );
}
