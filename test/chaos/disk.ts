import { spawnSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';

/** A disk of its own for one folder: a tmpfs, so that it can be full. */
export interface Disk {
  /** No space is left. */
  fill(): Promise<void>;
  /** There is space again. */
  free(): void;
  unmount(): void;
}

const SIZE = 2 * 2 ** 30;

/** Null where mounting is refused: the folder then lies on the machine's disk, which nobody may fill. */
export function mountDisk(folder: string, owner: { uid: number; gid: number } | null): Disk | null {
  const { uid, gid } = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (!mount(['-t', 'tmpfs', '-o', `size=${SIZE},mode=700,uid=${uid},gid=${gid}`, 'tmpfs', folder])) return null;
  const resize = (bytes: number): boolean => mount(['-o', `remount,size=${bytes}`, folder]);
  return {
    async fill() {
      // It cannot be smaller than what is on it, which may be more by now.
      for (let tries = 0; tries < 50; tries += 1) {
        const { blocks, bfree, bsize } = await statfs(folder);
        if (resize((blocks - bfree) * bsize)) return;
      }
      throw new Error(`the disk at ${folder} cannot be filled`);
    },
    free() {
      if (!resize(SIZE)) throw new Error(`the disk at ${folder} cannot be freed`);
    },
    unmount() {
      spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
    },
  };
}

function mount(args: readonly string[]): boolean {
  return spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
}
