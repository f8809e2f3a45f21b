import { compress, type Compressed } from '../http/compressed.ts';
import { loadBundle } from './bundle.ts';

export interface Assets {
  entry: string;
  styles: string;
  files: ReadonlyMap<string, Compressed>;
}

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
  const assets = Object.entries(files).map(([name, text]): [string, Compressed] => {
    return [name, compress(text, name.endsWith('.css') ? 'text/css' : 'text/javascript')];
  });
  return { entry, styles, files: new Map(assets) };
}
