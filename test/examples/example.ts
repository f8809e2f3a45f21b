import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { at } from '../dialects/conformance.ts';

/** A documented system: its example requests as its page prints them, in an order in which they can be run. */
export interface ExamplePage {
  name: string;
  /** What a client changes: the page's base URL and keys, and the ids of its examples, to those of a hub. */
  changes: Readonly<Record<string, string>>;
  examples: readonly Example[];
}

export interface Example {
  /** What the page calls it. */
  name: string;
  /** The command, word for word where the page has one, else put together from its tables. */
  curl: string;
  status: number;
  /** What the page shows for an answer, as a schema. */
  answer: z.ZodType;
  /** Ids of the answer that stand for the page's in later examples: the page's id -> path in the answer. */
  keep?: Readonly<Record<string, string>>;
}

export interface ExampleResult {
  page: string;
  name: string;
  /** Null: curl itself failed. */
  status: number | null;
  wanted: number;
  /** What differs from the page; null: nothing. */
  problem: string | null;
}

/** Runs the examples of a page one after the other by curl. */
export async function runPage(page: ExamplePage): Promise<ExampleResult[]> {
  const changes = { ...page.changes };
  const results: ExampleResult[] = [];
  for (const example of page.examples) results.push(await runExample(page.name, example, changes));
  return results;
}

const run = promisify(execFile);

async function runExample(page: string, example: Example, changes: Record<string, string>): Promise<ExampleResult> {
  const result = { page, name: example.name, status: null, wanted: example.status };
  try {
    const { stdout } = await run('sh', ['-c', toCommand(example.curl, changes)], { timeout: 30_000 });
    const end = stdout.lastIndexOf('\n');
    const status = Number(stdout.slice(end + 1));
    const text = stdout.slice(0, end);
    const json: unknown = JSON.parse(text);
    const told = { status, headers: new Headers(), text, json };
    for (const [theirs, path] of Object.entries(example.keep ?? {})) changes[theirs] = String(at(told, path));
    const parsed = example.answer.safeParse(json);
    const shape = parsed.success ? null : `${text}\n${z.prettifyError(parsed.error)}`;
    return { ...result, status, problem: status === example.status ? shape : `answered ${status}: ${text}` };
  } catch (error) {
    return { ...result, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The longest first: an id may be the beginning of another. */
function toCommand(curl: string, changes: Readonly<Record<string, string>>): string {
  let command = curl.trim();
  for (const [theirs, ours] of Object.entries(changes).sort(([a], [b]) => b.length - a.length)) {
    command = command.replaceAll(theirs, ours);
  }
  return command.replace(/^curl /, `curl -sS -w '\\n%{http_code}' `);
}
