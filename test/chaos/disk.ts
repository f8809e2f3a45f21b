import { spawnSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';

/** A disk of its own for one folder: a tmpfs, so that it can be full. */
export interface Disk {
  /** No space is left but `bytes`. */
  fill(bytes?: number): Promise<void>;
  /** There is space again. */
  free(): void;
  unmount(): void;
}

const SIZE = 2 * 2 ** 30;

/** Null where mounting is refused: the folder then lies on the machine's disk, which nobody may fill. */
export function mountDisk(folder: string, owner: { uid: number; gid: number } | null): Disk | null {
  const { uid, gid } = owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (!mount(['-t', 'tmpfs', '-o', `size=${SIZE},mode=700,uid=${uid},gid=${gid}`, 'tmpfs', folder])) return null;
  const resize = (bytes: number): void => {
    if (!mount(['-o', `remount,size=${bytes}`, folder])) throw new Error(`the disk at ${folder} cannot be resized`);
  };
  return {
    async fill(bytes = 0) {
      const { blocks, bfree, bsize } = await statfs(folder);
      resize((blocks - bfree) * bsize + bytes);
    },
    free: () => resize(SIZE),
    unmount() {
      spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
    },
  };
}

function mount(args: readonly string[]): boolean {
  return spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
}
