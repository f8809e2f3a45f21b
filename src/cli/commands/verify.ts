import { Command } from 'commander';
import { verifyLedger } from '../../audit/verify-ledger.ts';
import { oneLine } from '../../domain/printable.ts';
import type { Difference, Findings } from '../../audit/verify-findings.ts';
import { withHub } from '../hub/access.ts';
import { print, printError } from '../terminal.ts';
import { requireProgram } from './program-option.ts';

/** `tributary verify`: proves the ledger. Exit code 0 and `equal`, or 1 and the differences. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('prove the ledger: compute everything again from the raw messages and compare')
    .option('--program <id>', 'of one program alone')
    .option('--json', 'print JSON')
    .action(verify);
}

async function verify({ program, json }: { program?: string; json?: true }): Promise<void> {
  const progress = json ? undefined : showProgress();
  const findings = await withHub(async ({ db }) => {
    const programId = program === undefined ? undefined : await requireProgram(db, program);
    return verifyLedger(db, { programId, ...(progress ? { onProgress: progress } : {}) });
  });
  const equal = findings.total === 0;
  if (json) {
    const { total, differences } = findings;
    print(toJson({ equal, counts: Object.fromEntries(findings.counts), total, differences }));
  } else print(equal ? describeEqual(findings) : describeDifferences(findings));
  if (!equal) process.exitCode = 1;
}

const EVERY_MS = 2_000;

/** A line every two seconds; a proof of a million orders takes minutes. */
export function showProgress(): (findings: Findings) => void {
  let last = Date.now();
  return (findings) => {
    if (Date.now() - last < EVERY_MS) return;
    last = Date.now();
    printError(`… ${describeCounts(findings)}`);
  };
}

/** The counts in words, in the order in which things are compared. */
function describeCounts({ counts }: Findings): string {
  const shown = ['messages', 'facts', 'leads', 'orders', 'postings', 'customers', 'payouts'];
  return shown
    .filter((what) => counts.has(what))
    .map((what) => `${toCount(counts.get(what) ?? 0)} ${what}`)
    .join(', ');
}

/** That nothing differs, and in how much. */
export function describeEqual(findings: Findings): string {
  const { counts } = findings;
  const asides = [
    aside(counts.get('standingMessages'), 'messages stand as they were recorded'),
    aside(counts.get('waiting'), 'are still to be settled'),
  ].filter((one) => one !== null);
  return [`equal: ${describeCounts(findings)} compared`, ...asides].join('\n');
}

function toCount(number: number): string {
  return number.toLocaleString('en');
}

function aside(count: number | undefined, words: string): string | null {
  return count ? `  ${toCount(count)} ${words}` : null;
}

/** The whole proof in a line. */
export function describeProof({ counts, total }: Findings): string {
  const [orders, postings] = [counts.get('orders') ?? 0, counts.get('postings') ?? 0].map(toCount);
  return `verify: ${orders} orders, ${postings} entries, ${toCount(total)} differences`;
}

/** What differs, each with what is stored and what was expected. */
export function describeDifferences(findings: Findings): string {
  const { total, differences } = findings;
  const more = total - differences.length;
  return [
    `different: ${toCount(total)} differences in ${describeCounts(findings)}`,
    ...differences.map(describeDifference),
    ...(more > 0 ? [`… and ${toCount(more)} more`] : []),
  ].join('\n');
}

function describeDifference({ what, id, field, stored, expected }: Difference): string {
  return `  ${what} ${id}: ${field}\n    stored:   ${toText(stored)}\n    expected: ${toText(expected)}`;
}

const MAX_LENGTH = 500;

function toText(value: unknown): string {
  const text = typeof value === 'string' ? value : toJson(value);
  return oneLine(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
}

/** Amounts are exact far beyond what money is bounded by, so they may be JSON numbers. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)) ?? 'nothing';
}
