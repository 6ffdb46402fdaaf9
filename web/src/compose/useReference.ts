import { useEffect, useRef, useState } from 'react';
import { useClient } from 'urql';
import { UploadError, uploadReference } from './upload';

export interface Reference {
  /** As startBatch takes it; null for none, and for one that is still on its way. */
  url: string | null;
  file: { name: string; picture: string } | null;
  /** From 0 to 1 while it is on its way. */
  share: number | null;
  error: string | null;
  pick: (file: File) => void;
  setAddress: (address: string) => void;
  remove: () => void;
}

const NONE = { url: null, file: null, share: null, error: null };

/** The reference image: a file that is uploaded as soon as it is picked, or an address. */
export function useReference(): Reference {
  const client = useClient();
  const [state, setState] = useState<Pick<Reference, 'url' | 'file' | 'share' | 'error'>>(NONE);
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);

  function begin(next: typeof state): AbortSignal {
    leaving.current.abort();
    leaving.current = new AbortController();
    if (state.file) URL.revokeObjectURL(state.file.picture);
    setState(next);
    return leaving.current.signal;
  }

  async function pick(file: File): Promise<void> {
    const picked = { name: file.name, picture: URL.createObjectURL(file) };
    const signal = begin({ ...NONE, file: picked, share: 0 });
    const tell = (change: Partial<typeof state>) =>
      signal.aborted || setState((now) => ({ ...now, ...change }));
    try {
      const onProgress = (share: number) => tell({ share });
      tell({ url: await uploadReference(client, file, { onProgress, signal }), share: null });
    } catch (error) {
      if (!(error instanceof UploadError)) throw error;
      tell({ file: null, share: null, error: error.message });
    }
  }

  return {
    ...state,
    pick: (file) => void pick(file),
    setAddress: (address) => begin({ ...NONE, url: address.trim() || null }),
    remove: () => begin(NONE),
  };
}
