import { graphql } from '../api/graphql';

/** What a batch can be composed from. */
export const Choices = graphql(`
  query Choices {
    collections(first: 100) { nodes { id name shared } pageInfo { hasNextPage } }
    models { name provider referenceInput inputSchema }
  }
`);

export const ChosenCollection = graphql(`
  query ChosenCollection($id: ID!) {
    collection(id: $id) { id name description templates { id name prompt model parameters } }
  }
`);

export const PreviewBatch = graphql(`
  query PreviewBatch($input: StartBatchInput!) {
    previewBatch(input: $input) { total userErrors { field code message } }
  }
`);

export const StartBatch = graphql(`
  mutation StartBatch($input: StartBatchInput!) {
    startBatch(input: $input) { batchId userErrors { field code message } }
  }
`);
