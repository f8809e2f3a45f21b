#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { Command } from 'commander';
import { compileCacheFolder } from '../process/node-options.ts';
import { version } from '../process/version.ts';
import { printError } from './terminal.ts';

enableCompileCache(compileCacheFolder);

/** Each command has a file of its own, loaded when it is asked for: the whole hub takes a second to load. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start/start.ts')).startCommand(),
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  program: async () => (await import('./commands/program.ts')).programCommand(),
  key: async () => (await import('./commands/key.ts')).keyCommand(),
  'admin-token': async () => (await import('./commands/admin-token.ts')).adminTokenCommand(),
  console: async () => (await import('./commands/console.ts')).consoleCommand(),
  affiliate: async () => (await import('./commands/affiliate.ts')).affiliateCommand(),
  link: async () => (await import('./commands/link.ts')).linkCommand(),
  approve: async () => (await import('./commands/approve.ts')).approveCommand(),
  payout: async () => (await import('./commands/payout.ts')).payoutCommand(),
  source: async () => (await import('./commands/source.ts')).sourceCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  send: async () => (await import('./commands/send.ts')).sendCommand(),
  listen: async () => (await import('./commands/listen.ts')).listenCommand(),
  secrets: async () => (await import('./commands/secrets.ts')).secretsCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  why: async () => (await import('./commands/why.ts')).whyCommand(),
  backup: async () => (await import('./commands/backup.ts')).backupCommand(),
  restore: async () => (await import('./commands/restore.ts')).restoreCommand(),
  replay: async () => (await import('./commands/replay.ts')).replayCommand(),
  demo: async () => (await import('./demo/demo.ts')).demoCommand(),
};

// `tributary list | head` ends when head has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  const program = await buildProgram(process.argv[2]);
  await program.parseAsync();
} catch (error) {
  printError(explain(error));
  process.exitCode = 1;
}

/** The `tributary` command with the subcommand that was asked for; with all of them for help, or for an unknown one. */
async function buildProgram(asked: string | undefined): Promise<Command> {
  const program = new Command('tributary')
    .description('Postback and webhook hub for affiliate programs')
    .version(version, '--version', 'tell the version of this code');
  const load = asked !== undefined && Object.hasOwn(commands, asked) ? commands[asked] : undefined;
  for (const each of load ? [load] : Object.values(commands)) program.addCommand(await each());
  return showUsageAfterMistakes(program);
}

/** Commands do not take that over from the one they are added to. */
function showUsageAfterMistakes(command: Command): Command {
  for (const each of command.commands) showUsageAfterMistakes(each);
  return command.showHelpAfterError();
}

/** A mistake of the caller or of the environment has a message that says what to do; a bug of ours needs its stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const ours =
    error.constructor === TypeError || error.constructor === RangeError || error.constructor === ReferenceError;
  return (ours || process.env.LOG_LEVEL === 'debug' ? error.stack : error.message) ?? error.message;
}
