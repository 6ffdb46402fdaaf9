import { useMemo, useState } from 'react';
import type { AnyVariables, DocumentInput } from 'urql';
import { act, textOf } from '../api/act';
import type { UserError } from '../api/errors';
import { graphql } from '../api/graphql';
import { toast } from '../ui/toasts';

const Pause = graphql(`
  mutation PauseBatch($id: ID!) { pauseBatch(id: $id) { userErrors { field code message } } }
`);
const Resume = graphql(`
  mutation ResumeBatch($id: ID!) { resumeBatch(id: $id) { userErrors { field code message } } }
`);
const Cancel = graphql(`
  mutation CancelBatch($id: ID!) { cancelBatch(id: $id) { userErrors { field code message } } }
`);
const RetryAll = graphql(`
  mutation RetryBatch($id: ID!) { retryBatch(id: $id) { userErrors { field code message } } }
`);
const RetryOne = graphql(`
  mutation RetryGeneration($id: ID!) { retryGeneration(id: $id) { userErrors { field code message } } }
`);
const Rename = graphql(`
  mutation RenameBatch($id: ID!, $title: String!) {
    updateBatch(input: { id: $id, title: $title }) { userErrors { field code message } }
  }
`);

type Change<V extends AnyVariables> = DocumentInput<Record<string, { userErrors: UserError[] }>, V>;

export interface BatchActions {
  pause: () => void;
  resume: () => void;
  cancel: () => void;
  retryAll: () => void;
  retryOne: (generationId: string) => void;
  /** Resolves to what is wrong with the title, or null once it has it. */
  rename: (title: string) => Promise<string | null>;
  isBusy: boolean;
}

/** What may be done to a batch. What comes of it is told by its stream; what was refused, by a toast. */
export function useBatchActions(id: string, follow: () => void): BatchActions {
  const [busy, setBusy] = useState(0);
  const actions = useMemo(() => {
    async function ask<V extends AnyVariables>(change: Change<V>, variables: V): Promise<string | null> {
      const { payload, errors } = await act(change, variables);
      if (payload) follow();
      return payload ? null : textOf(errors);
    }
    async function press<V extends AnyVariables>(change: Change<V>, variables: V): Promise<void> {
      setBusy((before) => before + 1);
      const reason = await ask(change, variables);
      setBusy((before) => before - 1);
      if (reason) toast(reason);
    }
    return {
      pause: () => void press(Pause, { id }),
      resume: () => void press(Resume, { id }),
      cancel: () => void press(Cancel, { id }),
      retryAll: () => void press(RetryAll, { id }),
      retryOne: (generationId: string) => void press(RetryOne, { id: generationId }),
      rename: (title: string) => ask(Rename, { id, title }),
    };
  }, [id, follow]);
  return { ...actions, isBusy: busy > 0 };
}
