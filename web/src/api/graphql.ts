import { initGraphQLTada } from 'gql.tada';
import type { introspection } from '../../generated/schema';

/** Documents, typed by schema/schema.graphql. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; JSON: unknown };
  disableMasking: true;
}>();

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
