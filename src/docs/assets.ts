import { fileURLToPath } from 'node:url';
import { compress, type Compressed } from '../http/compressed.ts';
import { bundle } from '../process/bundle.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

let loading: Promise<ReadonlyMap<string, Compressed>> | null = null;

/** The styles and scripts of the pages by name, made once in a process. After a failure the next who asks tries anew. */
export function loadAssets(): Promise<ReadonlyMap<string, Compressed>> {
  loading ??= make().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function make(): Promise<ReadonlyMap<string, Compressed>> {
  const { outputFiles } = await bundle({
    entryPoints: ['docs.css', 'browser/theme.ts', 'browser/docs.ts', 'browser/search.ts'],
    absWorkingDir: folder,
    outdir: 'out',
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const files = outputFiles.map(({ path, text }): [string, Compressed] => {
    const name = path.slice(path.replaceAll('\\', '/').lastIndexOf('/') + 1);
    return [name, compress(text, name.endsWith('.css') ? 'text/css' : 'text/javascript')];
  });
  return new Map(files);
}
