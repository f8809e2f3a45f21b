import { get } from 'node:http';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { newId } from '../../src/domain/ids.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild } from './child.ts';
import { fillProgram } from './filled-program.ts';
import { round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';

/** A CSV of all conversions of a program (a million unless `--orders` says): when it begins, what it takes, and memory. */
export async function runExportBench(
  backend: 'postgres' | 'redis',
  { orders = 1_000_000 }: BenchOptions,
): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  const web = startChild('src/server.ts', { ...services.env, PORT: String(port), HOST: '127.0.0.1' });
  try {
    await waitUntil('the web process is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    const { db } = services;
    const programId = newId('prg');
    await db('programs').insert({ id: programId, name: 'Benchmark' });
    await db.raw('alter table clicks disable trigger user; alter table orders disable trigger user');
    await fillProgram(db, programId, orders);
    await db.raw('alter table clicks enable trigger user; alter table orders enable trigger user');
    await db.raw('vacuum analyze');
    const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'read' });
    // A process that has just started has none of its young heap yet, which any work fills: a tenth of the rows first.
    await download(port, '/api/v1/exports/conversions.csv?startDate=2026-06-12', key);
    const before = await web.residentMb();
    let most = before;
    const look = async () => (most = Math.max(most, await web.residentMb()));
    const timer = setInterval(() => void look(), 100);
    const { firstByteMs, seconds, lines, bytes } = await download(port, '/api/v1/exports/conversions.csv', key);
    clearInterval(timer);
    const more = most - before;
    return {
      name: 'export',
      backend,
      figures: {
        'first byte, ms': round(firstByteMs),
        'whole file, s': round(seconds),
        'rows a second': round((lines - 1) / seconds),
        MB: round(bytes / 1e6),
        'more RSS, MB': round(more),
      },
      marks: [
        { name: 'first byte, ms', value: firstByteMs, atMost: 300 },
        { name: 'more RSS, MB', value: more, atMost: 50 },
        { name: 'rows', value: lines - 1, atLeast: orders },
      ],
    };
  } finally {
    await web.stop();
    await services.stop();
  }
}

function download(
  port: number,
  path: string,
  key: string,
): Promise<{ firstByteMs: number; seconds: number; lines: number; bytes: number }> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const request = get({ host: '127.0.0.1', port, path, headers }, (answer) => {
      let firstByteMs = 0;
      let lines = 0;
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        firstByteMs ||= performance.now() - started;
        bytes += chunk.length;
        for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode !== 200) reject(new Error(`${path} answered ${answer.statusCode}`));
        else resolve({ firstByteMs, seconds: (performance.now() - started) / 1_000, lines, bytes });
      });
    });
    request.on('error', reject);
  });
}
