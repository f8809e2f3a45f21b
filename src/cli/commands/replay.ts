import { Command, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { systemClock } from '../../domain/clock.ts';
import { replayMessages, type ReplayCounts } from '../../audit/replay-messages.ts';
import { createLogger } from '../../process/logging.ts';
import { withHub } from '../hub/access.ts';
import { print, printError } from '../terminal.ts';
import { requireProgram, requireSource } from './program-option.ts';

interface ReplayOptions {
  since?: Date;
  source?: string;
  program?: string;
  failed?: true;
  json?: true;
}

/** `tributary replay`: settles stored messages once more. */
export function replayCommand(): Command {
  return new Command('replay')
    .description('read stored messages again, with the code and settings of today, and settle them once more')
    .option('--since <time>', 'received at this time or later (ISO 8601)', readTime)
    .option('--source <id>', 'of one source')
    .option('--program <id>', 'of one program')
    .option('--failed', 'those alone that failed or could not be read')
    .option('--json', 'print JSON')
    .action(replay);
}

async function replay({ since, source, program, failed, json }: ReplayOptions): Promise<void> {
  if (!since && !source && !program && !failed) {
    throw new Error('Say which messages: --since, --source, --program or --failed');
  }
  const progress = (counts: ReplayCounts): void => {
    if (!json) printError(`… ${describeCount(counts.messages)}`);
  };
  const counts = await withHub(async ({ config, db }) => {
    if (program !== undefined) await requireProgram(db, program);
    if (source !== undefined) await requireSource(db, source);
    return replayMessages(
      {
        db,
        clock: systemClock,
        // Standard output is the result's.
        log: createLogger({ level: config.logLevel, role: 'cli' }, pino.destination(2)),
      },
      { since, sourceId: source, programId: program, failed },
      progress,
    );
  });
  const outcomes = [...counts.outcomes].sort(([a], [b]) => (a < b ? -1 : 1));
  if (json) print(JSON.stringify({ messages: counts.messages, outcomes: Object.fromEntries(outcomes) }));
  else {
    const words = outcomes.map(([outcome, count]) => `${count.toLocaleString('en')} ${outcome}`).join(', ');
    print(`Replayed ${describeCount(counts.messages)}${words ? `: ${words}` : ''}`);
  }
  const failures = counts.outcomes.get('failed') ?? 0;
  if (failures === 0) return;
  printError(
    `${failures.toLocaleString('en')} failed: GET /api/v1/inbox-events?status=failed tells the error of each. ` +
      'Mend the cause, then run: tributary replay --failed',
  );
  process.exitCode = 1;
}

function describeCount(messages: number): string {
  return `${messages.toLocaleString('en')} ${messages === 1 ? 'message' : 'messages'}`;
}

function readTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/^\d{4}-\d{2}-\d{2}/.test(text)) {
    throw new InvalidArgumentError('It must be a date or time, such as 2026-11-01 or 2026-11-01T12:00:00Z.');
  }
  return time;
}
