// What the collections ask of the API, and how a collection becomes a draft of one.

import { graphql, type ResultOf } from '../api/graphql';
import type { CollectionDraft, TemplateDraft } from './file';

export const CollectionFields = graphql(`
  fragment CollectionFields on Collection {
    id name description shared
    templates { id name prompt model parameters }
  }
`);

export const Collections = graphql(
  `
    query Collections($filter: CollectionFilter, $after: String, $first: Int!, $counted: Boolean!) {
      collections(filter: $filter, after: $after, first: $first) {
        nodes { ...CollectionFields }
        pageInfo { hasNextPage endCursor }
        totalCount @include(if: $counted)
      }
    }
  `,
  [CollectionFields],
);

export const OneCollection = graphql(
  `query OneCollection($id: ID!) { collection(id: $id) { ...CollectionFields } }`,
  [CollectionFields],
);

export const CreateCollection = graphql(`
  mutation CreateCollection($input: CreateCollectionInput!) {
    createCollection(input: $input) { collection { id } userErrors { field code message } }
  }
`);

export const UpdateCollection = graphql(
  `
    mutation UpdateCollection($input: UpdateCollectionInput!) {
      updateCollection(input: $input) { collection { ...CollectionFields } userErrors { field code message } }
    }
  `,
  [CollectionFields],
);

export const DeleteCollection = graphql(`
  mutation DeleteCollection($id: ID!) {
    deleteCollection(id: $id) { deletedIds userErrors { field code message } }
  }
`);

export type Collection = ResultOf<typeof CollectionFields>;

export function draftOf({
  name,
  description,
  templates,
}: Omit<Collection, 'id' | 'shared'>): CollectionDraft {
  return {
    name,
    description,
    templates: templates.map(
      ({ name, prompt, model, parameters }): TemplateDraft => ({
        name,
        prompt,
        model,
        parameters: (parameters ?? {}) as Record<string, unknown>,
      }),
    ),
  };
}
