import { hash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { bundle } from '../process/bundle.ts';

/** The files of the app, as browsers get them. */
const bundleSchema = z.strictObject({
  /** The names of the script and the styles that the page names itself. */
  entry: z.string(),
  styles: z.string(),
  /** By name. Names have a hash of their content. */
  files: z.record(z.string(), z.string()),
});
export type Bundle = z.output<typeof bundleSchema>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const appFolder = join(root, 'src/console/app');
const cacheFolder = join(root, 'node_modules/.cache/tributary-console');

/**
 * Bundles the app, or takes what was made of the same sources before. It is kept where that may be written, and made anew
 * wherever it may not.
 */
export async function loadBundle(): Promise<Bundle> {
  const cached = join(cacheFolder, `${keyOfSources()}.json`);
  const kept = await readFile(cached, 'utf8').then(parseBundle, () => null);
  if (kept) return kept;
  const made = await bundleApp();
  await keep(cached, made).catch(() => undefined);
  return made;
}

function parseBundle(text: string): Bundle | null {
  const parsed = bundleSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** All that a bundle is made of: our sources, and the exact versions of the libraries. */
function keyOfSources(): string {
  const files = globSync('**/*.{ts,tsx,css}', { cwd: appFolder })
    .sort()
    .map((name) => join(appFolder, name));
  const others = [fileURLToPath(import.meta.url), join(root, 'src/docs/tokens.css'), join(root, 'package-lock.json')];
  const contents = [...files, ...others].map((file) => {
    return `${file.slice(root.length)}\n${readFileSync(file, 'utf8')}`;
  });
  return hash('sha256', contents.join('\n'), 'hex').slice(0, 32);
}

async function bundleApp(): Promise<Bundle> {
  const { outputFiles, metafile } = await bundle({
    entryPoints: { main: join(appFolder, 'main.tsx'), styles: join(appFolder, 'styles.css') },
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    write: false,
    metafile: true,
    outdir: 'out',
    absWorkingDir: root,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    jsx: 'automatic',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const entryOf = (source: string): string => {
    const [path] = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(source)) ?? [];
    if (path === undefined) throw new Error(`nothing was made of ${source}`);
    return nameOf(path);
  };
  return {
    entry: entryOf('main.tsx'),
    styles: entryOf('styles.css'),
    files: Object.fromEntries(outputFiles.map(({ path, text }) => [nameOf(path.replaceAll('\\', '/')), text])),
  };
}

/** Whole or not at all: other processes may read it meanwhile. */
async function keep(file: string, made: Bundle): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const part = `${file}.${process.pid}`;
  await writeFile(part, JSON.stringify(made));
  await rename(part, file);
}
