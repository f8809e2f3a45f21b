import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/process/config.ts';

export interface CliResult {
  /** Exit code, or the signal that ended it. */
  code: number | NodeJS.Signals;
  stdout: string;
  stderr: string;
}

export const root = fileURLToPath(new URL('../..', import.meta.url));

const TIMEOUT_MS = 60_000;

/**
 * Runs `tributary …` as people do: a process of its own, with PATH and `env` alone, ended when it takes too long. `input`
 * is its standard input.
 */
export async function runCli(
  args: readonly string[],
  env: Environment,
  { cwd = root, input }: { cwd?: string; input?: string | undefined } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, ['src/cli/tributary.ts', ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  // It may end without having read.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)));
  const code = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(signal ?? exitCode ?? 0));
  });
  return { code, ...output };
}

/** The environment by which a command meets a hub of the tests. */
export function cliEnvironment(hub: { databaseUrl: string; url?: string }): Environment {
  return {
    DATABASE_URL: hub.databaseUrl,
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    ...(hub.url === undefined ? {} : { PUBLIC_URL: hub.url }),
  };
}
