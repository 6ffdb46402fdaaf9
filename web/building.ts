// What is done to the built files: smaller copies beside them, and the promise of how little script there is.

import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin, Rolldown } from 'vite';

const WORTH_COMPRESSING = /\.(js|css|html|svg|json)$/;
const SMALLEST = 1024;

/** Writes a .gz beside each text of some length; the server sends it to who takes it. */
export function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir = '' }, files) {
      for (const file of Object.values(files)) {
        if (WORTH_COMPRESSING.test(file.fileName) && bytesOf(file).length >= SMALLEST) {
          writeFileSync(join(dir, `${file.fileName}.gz`), gzipSync(bytesOf(file), { level: 9 }));
        }
      }
    },
  };
}

/** Breaks the build where all that a page may load of script is larger, compressed, than `most` bytes. */
export function budget({ page, most }: { page: string; most: number }): Plugin {
  return {
    name: 'budget',
    apply: 'build',
    writeBundle(_, files) {
      const size = chunksOf(page, files).reduce((sum, chunk) => sum + gzipSync(bytesOf(chunk)).length, 0);
      const text = `${page}: ${(size / 1000).toFixed(1)} kB of script, compressed`;
      if (size > most) this.error(`${text}: more than ${most / 1000} kB.`);
      this.info(text);
    },
  };
}

type File = Rolldown.OutputAsset | Rolldown.OutputChunk;
type Files = Rolldown.OutputBundle;

function chunksOf(page: string, files: Files): Rolldown.OutputChunk[] {
  const entry = Object.values(files).find(
    (file) => file.type === 'chunk' && file.isEntry && basename(file.facadeModuleId ?? '') === page,
  );
  if (!entry) throw new Error(`${page} is no page.`);
  const reached = new Map<string, Rolldown.OutputChunk>();
  const reach = (name: string) => {
    const file = files[name];
    if (file?.type !== 'chunk' || reached.has(name)) return;
    reached.set(name, file);
    for (const next of [...file.imports, ...file.dynamicImports]) reach(next);
  };
  reach(entry.fileName);
  return [...reached.values()];
}

function bytesOf(file: File): Buffer {
  return Buffer.from(file.type === 'chunk' ? file.code : file.source);
}
