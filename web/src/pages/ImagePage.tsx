import { useQuery } from 'urql';
import { messageOf } from '../api/errors';
import { graphql } from '../api/graphql';
import { NotFound } from '../studio/NotFound';
import { ErrorNote } from '../ui/ErrorNote';
import { Page } from '../ui/Page';

const OneImage = graphql(`
  query OneImage($id: ID!) {
    image(id: $id) { id name prompt url width height model createdAt }
  }
`);

export default function ImagePage({ id }: { id: string }) {
  const [{ data, error }, retry] = useQuery({ query: OneImage, variables: { id } });
  if (error && !data) return <ErrorNote onRetry={retry}>{messageOf(error)}</ErrorNote>;
  if (!data) return null;
  if (!data.image) return <NotFound what="image" />;
  const { name, prompt, url, width, height } = data.image;
  return (
    <Page title={name}>
      <img src={url} alt={prompt} width={width ?? undefined} height={height ?? undefined} />
    </Page>
  );
}
