import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Environment } from '../../src/process/config.ts';
import { createFirstProgram } from '../../src/cli/start/first-program.ts';
import { heapFlags } from '../../src/process/node-options.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { cliEnvironment, root, runCli } from './run-cli.ts';

/** A fenced block of a walk, and what it says to be printed by it: the block of output that follows at once. */
interface Step {
  commands: string;
  output: string | null;
}

const readme = await readFile('README.md', 'utf8');

/**
 * Each walk has a hub of its own, as a reader has. `UPDATE_README=1 npm test -- test/cli/readme.test.ts` writes what is
 * printed into the documents; look at the difference before it is committed.
 */
for (const { file, section, least } of [
  { file: 'README.md', section: 'A walk through the four inputs', least: 4 },
  { file: 'src/docs/walk.md', section: null, least: 10 },
]) {
  describe(`the walk of ${file}`, () => {
    let hub: TestHub;
    before(async () => {
      hub = await startHub();
    });
    after(() => hub.stop());

    test('prints what it says', async () => {
      const first = await createFirstProgram(hub.db, hub.deps.secrets);
      const text = await readFile(file, 'utf8');
      const steps = readSteps(section === null ? text : sectionOf(text, section));
      assert.ok(steps.length > least);
      const keys = { KEY: first?.testKey ?? '', LIVE: first?.liveKey ?? '' };
      const printed = await runSteps(steps, { HUB: hub.url, ...keys, ...cliEnvironment(hub) });
      if (process.env.UPDATE_README) await writeOutputs(file, steps, printed, hub.url);
      else {
        for (const [index, { commands, output }] of steps.entries()) {
          assert.equal(generalize(printed[index] ?? ''), generalize(output ?? ''), commands);
        }
      }
    });
  });
}

test('the configuration table names every variable that the hub reads, with its default', async () => {
  const source = await readFile('src/process/config.ts', 'utf8');
  const variables = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): (.*)$/gm)];
  assert.ok(variables.length > 15);
  const rows = new Map(
    [...sectionOf(readme, 'Configuration').matchAll(/^\| `([A-Z_]+)` \| (.*?) \|/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  assert.deepEqual(new Set(rows.keys()), new Set(variables.map(([, name]) => name)));
  for (const [, name, rule = ''] of variables) {
    const preset = /\.prefault\('([^']+)'\)/.exec(rule)?.[1];
    if (preset !== undefined) assert.equal(rows.get(name), `\`${preset}\``, name);
  }
});

test('the table of commands names every command, and what it names exists', async () => {
  const help = await runCli(['--help'], {});
  const known = [...help.stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
  assert.ok(known.length > 5);
  const guide = await readFile('src/docs/command-line.md', 'utf8');
  const named = [...guide.matchAll(/^\| `tributary ([a-z-]+)/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(named), new Set(known));
});

test('the Procfile is the one that the guide to operations shows, its files exist, and its flags are those of npm start', async () => {
  const procfile = await readFile('Procfile', 'utf8');
  assert.ok((await readFile('src/docs/operations.md', 'utf8')).includes(procfile.trim()));
  const processes = [...procfile.matchAll(/^(\w+): \S+\/node (.*?)(\S+\.ts)/gm)];
  assert.deepEqual(
    processes.map(([, name]) => name),
    ['release', 'web', 'worker'],
  );
  for (const [, name, flags = '', file = ''] of processes) {
    await access(file);
    assert.equal(flags.trim(), name === 'release' ? '' : heapFlags.join(' '));
  }
});

test('files that the README links to exist', async () => {
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path ?? '');
  assert.ok(links.length > 2);
  for (const path of links) await access(path.replace(/#.*/, ''));
});

function sectionOf(text: string, title: string): string {
  const [, section] = new RegExp(`^## ${title}$(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(text) ?? [];
  assert.ok(section, `There is a section ${title}`);
  return section;
}

const FENCED = /^```sh\n([\s\S]*?)\n```\n(?:\n```(?:json|text)\n([\s\S]*?)\n```\n)?/gm;

function readSteps(section: string): Step[] {
  return [...section.matchAll(FENCED)].map(([, commands = '', output]) => ({ commands, output: output ?? null }));
}

// A reader's second may be too short on a busy machine.
const UNTIL_SETTLED = `until curl -s "$HUB/api/v1/inbox-events?status=received" -H "Authorization: Bearer $KEY" |
  grep -q '"data":\\[\\]'; do sleep 0.1; done`;

const MARK = '---8<--- next step ---8<---';

/** In one shell, as a reader does: variables of one step are there in the next. The reader's own are set before. */
async function runSteps(steps: readonly Step[], variables: Environment): Promise<string[]> {
  const script = steps
    .map(({ commands }) =>
      commands
        .replaceAll(/^(HUB|KEY|LIVE)=.*$/gm, '')
        .replaceAll(/^sleep 1$/gm, () => UNTIL_SETTLED)
        // What npx finds in the checkout.
        .replaceAll(/^npx tributary /gm, 'node src/cli/tributary.ts '),
    )
    .join(`\necho '\n${MARK}'\n`);
  const shell = spawn('sh', ['-u'], { cwd: root, env: { PATH: process.env.PATH, ...variables } });
  let [output, complaints] = ['', ''];
  shell.stdout.on('data', (chunk) => (output += String(chunk)));
  shell.stderr.on('data', (chunk) => (complaints += String(chunk)));
  shell.stdin.end(script);
  const code = await new Promise((resolve) => shell.once('close', resolve));
  // What takes long on a busy machine tells of its progress.
  assert.deepEqual([code, complaints.replaceAll(/^… .*\n/gm, '')], [0, '']);
  return output.split(`\n${MARK}\n`).map((text) => text.trim());
}

/** What differs from run to run: ids, codes, times, where the hub listens. */
function generalize(text: string): string {
  return text
    .replaceAll(/\b([a-z]{3})_[0-9a-f]{32,}\b/g, '$1_ID')
    .replaceAll(/\/r\/[2-9a-z]{9}\b/g, '/r/MADE')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/http:\/\/(localhost|127\.0\.0\.1):\d+/g, 'HUB');
}

async function writeOutputs(
  file: string,
  steps: readonly Step[],
  printed: readonly string[],
  url: string,
): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [index, { commands }] of steps.entries()) {
    const output = (printed[index] ?? '').replaceAll(url, 'http://localhost:3000');
    const block = `\`\`\`sh\n${commands}\n\`\`\`\n`;
    const at = text.indexOf(block) + block.length;
    const rest = text.slice(at).replace(/^\n```(?:json|text)\n[\s\S]*?\n```\n/, '');
    const shown = output === '' ? '' : `\n\`\`\`${output.startsWith('{') ? 'json' : 'text'}\n${output}\n\`\`\`\n`;
    text = text.slice(0, at) + shown + rest;
  }
  await writeFile(file, text);
}
