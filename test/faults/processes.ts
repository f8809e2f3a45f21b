import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestHub } from '../support/hub.ts';
import { backendEnvironment, type TestBackend } from '../support/both-backends.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A worker process of its own, as the Procfile starts it, on the database of a hub whose web side runs in the test. */
export function spawnWorker(hub: TestHub, backend: TestBackend): ChildProcess {
  return spawn(process.execPath, ['workers/main.ts'], {
    cwd: root,
    env: {
      ...process.env,
      ...backendEnvironment(backend),
      DATABASE_URL: hub.databaseUrl,
      ADMIN_TOKEN: hub.adminToken,
      ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
      PUBLIC_URL: hub.url,
      LOG_LEVEL: 'fatal',
      OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Ends a process at once, as a machine that loses power does. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

export async function stopGracefully(child: ChildProcess): Promise<number | null> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = (await gone) as [number | null];
  return code;
}
