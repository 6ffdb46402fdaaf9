// What the history asks of the API.

import { graphql, type ResultOf } from '../api/graphql';

export const BatchCardFields = graphql(`
  fragment BatchCardFields on Batch {
    id title status model favorite tags createdAt deletedAt downloadUrl
    counts { total succeeded failed canceled }
    collection { id name }
    images(first: 6) { nodes { id prompt thumbnailUrl(width: 400) placeholder } }
  }
`);

export const Batches = graphql(
  `
    query Batches($filter: BatchFilter, $after: String, $first: Int!, $counted: Boolean!) {
      batches(filter: $filter, after: $after, first: $first) {
        nodes { ...BatchCardFields }
        pageInfo { hasNextPage endCursor }
        totalCount @include(if: $counted)
      }
    }
  `,
  [BatchCardFields],
);

export const Images = graphql(`
  query Images($filter: ImageFilter, $after: String, $first: Int!, $counted: Boolean!) {
    images(filter: $filter, after: $after, first: $first) {
      nodes { id name prompt favorite thumbnailUrl(width: 400) placeholder }
      pageInfo { hasNextPage endCursor }
      totalCount @include(if: $counted)
    }
  }
`);

export const HistoryUpdates = graphql(
  `subscription HistoryUpdates { historyUpdates { batch { ...BatchCardFields } generation { id saved } } }`,
  [BatchCardFields],
);

export const UpdateBatch = graphql(
  `
    mutation UpdateBatch($input: UpdateBatchInput!) {
      updateBatch(input: $input) { batch { ...BatchCardFields } userErrors { field code message } }
    }
  `,
  [BatchCardFields],
);

export const DeleteBatch = graphql(`
  mutation DeleteBatch($id: ID!) { deleteBatch(id: $id) { deletedIds userErrors { field code message } } }
`);

export const RestoreBatch = graphql(`
  mutation RestoreBatch($id: ID!) { restoreBatch(id: $id) { batch { id } userErrors { field code message } } }
`);

export const RegenerateBatch = graphql(`
  mutation RegenerateBatch($input: RegenerateBatchInput!) {
    regenerateBatch(input: $input) { batchId userErrors { field code message } }
  }
`);

export const OneImage = graphql(`
  query OneImage($id: ID!) {
    image(id: $id) {
      id name prompt model parameters referenceUrl url placeholder width height byteSize contentType
      createdAt deletedAt favorite
      collection { id name }
      batch { id title }
      generation { position templateName attempts startedAt finishedAt }
    }
  }
`);

export const UpdateImage = graphql(`
  mutation UpdateImage($input: UpdateImageInput!) {
    updateImage(input: $input) { image { id name favorite } userErrors { field code message } }
  }
`);

export const DeleteImages = graphql(`
  mutation DeleteImages($ids: [ID!]!) { deleteImages(ids: $ids) { deletedIds userErrors { field code message } } }
`);

export const RestoreImages = graphql(`
  mutation RestoreImages($ids: [ID!]!) { restoreImages(ids: $ids) { images { id } userErrors { field code message } } }
`);

export type BatchCardData = ResultOf<typeof BatchCardFields>;
export type ListedImage = ResultOf<typeof Images>['images']['nodes'][number];
export type ImageFacts = NonNullable<ResultOf<typeof OneImage>['image']>;
