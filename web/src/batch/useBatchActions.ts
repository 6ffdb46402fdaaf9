import { useMemo, useState } from 'react';
import { type DocumentInput, type OperationResult, useClient } from 'urql';
import { messageOf, type UserError } from '../api/errors';
import { graphql } from '../api/graphql';
import { toast } from '../ui/toasts';

const Pause = graphql(`
  mutation PauseBatch($id: ID!) { done: pauseBatch(id: $id) { userErrors { field code message } } }
`);
const Resume = graphql(`
  mutation ResumeBatch($id: ID!) { done: resumeBatch(id: $id) { userErrors { field code message } } }
`);
const Cancel = graphql(`
  mutation CancelBatch($id: ID!) { done: cancelBatch(id: $id) { userErrors { field code message } } }
`);
const RetryAll = graphql(`
  mutation RetryBatch($id: ID!) { done: retryBatch(id: $id) { userErrors { field code message } } }
`);
const RetryOne = graphql(`
  mutation RetryGeneration($id: ID!) { done: retryGeneration(id: $id) { userErrors { field code message } } }
`);
const Rename = graphql(`
  mutation RenameBatch($id: ID!, $title: String!) {
    done: updateBatch(input: { id: $id, title: $title }) { userErrors { field code message } }
  }
`);

interface Done {
  done: { userErrors: UserError[] };
}

export interface BatchActions {
  pause: () => void;
  resume: () => void;
  cancel: () => void;
  retryAll: () => void;
  retryOne: (generationId: string) => void;
  /** Whether it has this name now. */
  rename: (title: string) => Promise<boolean>;
  isBusy: boolean;
}

/** What may be done to a batch. What comes of it is told by its stream; what was refused, by a toast. */
export function useBatchActions(id: string, follow: () => void): BatchActions {
  const client = useClient();
  const [busy, setBusy] = useState(0);
  const actions = useMemo(() => {
    async function act<V extends Record<string, unknown>>(
      document: DocumentInput<Done, V>,
      variables: V,
    ): Promise<boolean> {
      setBusy((before) => before + 1);
      const reason = refusalIn(await client.mutation<Done, V>(document, variables));
      setBusy((before) => before - 1);
      if (reason) toast(reason);
      else follow();
      return !reason;
    }
    return {
      pause: () => void act(Pause, { id }),
      resume: () => void act(Resume, { id }),
      cancel: () => void act(Cancel, { id }),
      retryAll: () => void act(RetryAll, { id }),
      retryOne: (generationId: string) => void act(RetryOne, { id: generationId }),
      rename: (title: string) => act(Rename, { id, title }),
    };
  }, [client, id, follow]);
  return { ...actions, isBusy: busy > 0 };
}

function refusalIn({ data, error }: Pick<OperationResult<Done>, 'data' | 'error'>): string | null {
  return error ? messageOf(error) : (data?.done.userErrors[0]?.message ?? null);
}
