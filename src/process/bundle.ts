import { build, stop, type BuildOptions, type BuildResult } from 'esbuild';

let running = 0;

/** Bundles for browsers. esbuild works in a process of its own that waits for more work; it ends with the last bundle. */
export async function bundle<T extends BuildOptions>(options: T): Promise<BuildResult<T>> {
  running += 1;
  try {
    return await build<T>(options as Parameters<typeof build<T>>[0]);
  } finally {
    running -= 1;
    if (running === 0) await stop();
  }
}
