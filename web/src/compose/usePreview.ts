import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { messageOf, type UserError } from '../api/errors';
import { PreviewBatch } from './documents';
import type { StartBatchInput } from './draft';

export interface Preview {
  total: number;
  refusals: readonly UserError[];
  /** Why nobody can say. */
  error: string | null;
}

const CALM = 300;
const NOTHING: Preview = { total: 0, refusals: [], error: null };

/** What this input would start, asked once it stays as it is for a moment; the last answer until then. */
export function usePreview(input: StartBatchInput | null): Preview {
  const client = useClient();
  const [preview, setPreview] = useState(NOTHING);
  const asked = input && JSON.stringify(input);
  useEffect(() => {
    if (asked === null) return setPreview(NOTHING);
    let isOver = false;
    const timer = setTimeout(async () => {
      const variables = { input: JSON.parse(asked) as StartBatchInput };
      const { data, error } = await client.query(PreviewBatch, variables, { requestPolicy: 'network-only' });
      if (isOver) return;
      if (data)
        setPreview({ total: data.previewBatch.total, refusals: data.previewBatch.userErrors, error: null });
      else if (error) setPreview({ ...NOTHING, error: messageOf(error) });
    }, CALM);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [client, asked]);
  return preview;
}
