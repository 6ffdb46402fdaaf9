import { useQuery } from 'urql';
import { messageOf } from '../api/errors';
import { graphql } from '../api/graphql';
import { NotFound } from '../studio/NotFound';
import { ErrorNote } from '../ui/ErrorNote';
import { Page } from '../ui/Page';

const OneCollection = graphql(`
  query OneCollection($id: ID!) {
    collection(id: $id) { id name description shared templates { id name prompt model parameters position } }
  }
`);

export default function CollectionPage({ id }: { id: string }) {
  const [{ data, error }, retry] = useQuery({ query: OneCollection, variables: { id } });
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  if (!data) return null;
  if (!data.collection) return <NotFound what="collection" />;
  return (
    <Page title={data.collection.name}>
      <p>{data.collection.description}</p>
      <ol>
        {data.collection.templates.map((template) => (
          <li key={template.id}>
            <h2>{template.name}</h2>
            <p>{template.prompt}</p>
          </li>
        ))}
      </ol>
    </Page>
  );
}
