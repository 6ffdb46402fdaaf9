import { type CollectionDraft, fileName, written } from './file';

/** The file as a download. */
export function download(collections: readonly CollectionDraft[], name: string): void {
  const address = URL.createObjectURL(new Blob([written(collections)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = fileName(name);
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
