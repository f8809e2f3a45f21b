import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { runCli, cliEnvironment } from '../cli/run-cli.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import type { TestHub } from '../support/hub.ts';

interface Counts {
  added: number;
  there: number;
  repeated: number;
}

export interface Report {
  code: number | NodeJS.Signals;
  counts: Record<'offer' | 'affiliate' | 'link' | 'click' | 'customer' | 'order', Counts>;
  withoutId: number;
  switchedOn: string[];
  problems: { file: string; row: number; field: string | null; message: string }[];
  notes: { file: string; row: number; field: string | null; message: string }[];
}

/** A program on a hub, into which files are imported by the command itself. */
export interface ImportProgram extends HttpProgram {
  /** `files`: name to content; what is no text is written as JSON. */
  import(from: string, files: Record<string, unknown>, ...options: string[]): Promise<Report>;
  /** Fails where the ledger differs from what the raw messages say. */
  verify(): Promise<void>;
}

export async function openImportProgram(
  hub: TestHub,
  options: Parameters<typeof openHttpProgram>[1] = {},
): Promise<ImportProgram> {
  const program = await openHttpProgram(hub, options);
  return {
    ...program,
    async import(from, files, ...more) {
      const folder = await mkdtemp(join(tmpdir(), 'import-'));
      try {
        const paths = Object.keys(files).map((name) => join(folder, name));
        for (const [index, content] of Object.values(files).entries()) {
          await writeFile(paths[index] ?? '', typeof content === 'string' ? content : JSON.stringify(content));
        }
        const args = ['import', '--from', from, '--program', program.id, '--json', ...more, ...paths];
        const { code, stdout, stderr } = await runCli(args, cliEnvironment(hub));
        assert.notEqual(stdout, '', stderr);
        const report = JSON.parse(stdout) as Report;
        return { ...report, code };
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async verify() {
      await program.settled();
      const findings = await verifyLedger(hub.db, { programId: program.id });
      assert.deepEqual(findings.differences, []);
    },
  };
}

/** The counts in which something was counted, as `affiliate: [added, there]`. */
export function tally({ counts, problems }: Report): Record<string, [number, number]> {
  assert.deepEqual(problems, []);
  return Object.fromEntries(
    Object.entries(counts).flatMap(([kind, { added, there }]) =>
      added + there === 0 ? [] : [[kind, [added, there] as [number, number]]],
    ),
  );
}
