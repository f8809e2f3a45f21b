import { build, stop, type BuildOptions, type BuildResult } from 'esbuild';

let running = 0;

type InMemory = BuildOptions & { write: false; metafile: true };

/** Bundles for browsers. esbuild works in a process of its own that waits for more work; it ends with the last bundle. */
export async function bundle(options: InMemory): Promise<BuildResult<InMemory>> {
  running += 1;
  try {
    return await build(options);
  } finally {
    running -= 1;
    if (running === 0) await stop();
  }
}
