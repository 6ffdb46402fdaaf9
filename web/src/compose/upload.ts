// A reference image on its way into the service: a place is asked for, then the file is put there.

import type { Client } from 'urql';
import { messageOf } from '../api/errors';
import { graphql } from '../api/graphql';

const CreateReferenceUpload = graphql(`
  mutation CreateReferenceUpload($input: CreateReferenceUploadInput!) {
    createReferenceUpload(input: $input) {
      upload { uploadUrl method headers referenceUrl }
      userErrors { field code message }
    }
  }
`);

export const PICTURES = ['image/png', 'image/jpeg', 'image/webp'];
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/** Why it went no further, in words for a person. */
export class UploadError extends Error {}

export interface Watching {
  /** From 0 to 1. */
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/** The address that stands for the picture. Raises UploadError. */
export async function uploadReference(client: Client, file: File, watching: Watching): Promise<string> {
  if (!PICTURES.includes(file.type)) throw new UploadError('Only PNG, JPEG and WebP pictures can be used.');
  const input = { contentType: file.type, byteSize: file.size };
  const { data, error } = await client.mutation(CreateReferenceUpload, { input });
  if (error) throw new UploadError(messageOf(error));
  const { upload, userErrors } = data?.createReferenceUpload ?? {};
  if (!upload) throw new UploadError(userErrors?.[0]?.message ?? 'There is no place for this picture.');
  await send(upload, file, watching);
  return upload.referenceUrl;
}

interface Place {
  uploadUrl: string;
  method: string;
  headers: unknown;
}

/** By XMLHttpRequest: fetch does not tell how far it is. */
function send({ uploadUrl, method, headers }: Place, file: File, { onProgress, signal }: Watching) {
  return new Promise<void>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, ownAddress(uploadUrl, location));
    for (const [name, value] of Object.entries(headers as Record<string, string>)) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = () => (request.status < 300 ? resolve() : reject(new UploadError(refusal(request))));
    request.onerror = () => reject(new UploadError('The picture could not be sent. Please try again.'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

function refusal({ responseText, status }: XMLHttpRequest): string {
  return responseText && responseText.length < 300 ? responseText : `The picture was refused (${status}).`;
}

/** On this page's own origin where both are this machine under two of its names. */
export function ownAddress(address: string, page: { origin: string; hostname: string }): string {
  const { hostname, pathname, search } = new URL(address);
  const isHere = LOOPBACK.includes(hostname) && LOOPBACK.includes(page.hostname);
  return isHere ? page.origin + pathname + search : address;
}
