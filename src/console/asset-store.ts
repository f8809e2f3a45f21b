import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { loadBundle } from './bundle.ts';

/** A file of the app, in the forms in which it is sent. */
export interface Asset {
  type: 'text/javascript' | 'text/css';
  plain: Buffer;
  gzip: Buffer;
  brotli: Buffer;
}

export interface Assets {
  entry: string;
  styles: string;
  files: ReadonlyMap<string, Asset>;
}

const QUALITY = 9;

let loading: Promise<Assets> | null = null;

/** The app's files, made once in a process. A failure is told to whoever asked, and the next one tries anew. */
export function loadAssets(): Promise<Assets> {
  loading ??= compressAll().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function compressAll(): Promise<Assets> {
  const { entry, styles, files } = await loadBundle();
  const assets = Object.entries(files).map(([name, text]): [string, Asset] => {
    const plain = Buffer.from(text);
    const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
    const type = name.endsWith('.css') ? 'text/css' : 'text/javascript';
    return [name, { type, plain, gzip: gzipSync(plain), brotli }];
  });
  return { entry, styles, files: new Map(assets) };
}
