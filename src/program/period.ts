import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { validationError } from '../domain/errors.ts';

/** From an instant (inclusive) until another (exclusive); null: open. */
export interface Period {
  from: Date | null;
  until: Date | null;
}

/** The ends as a caller gives them: a day of the program's time zone ('2026-01-31'), or an instant. Both inclusive. */
export interface PeriodText {
  startDate?: string | undefined;
  endDate?: string | undefined;
}

/**
 * A day counts whole, from midnight to midnight in the program's time zone; an instant counts to the millisecond. Throws
 * VALIDATION_ERROR where the end is before the start.
 */
export async function resolvePeriod(db: Db, programId: string, text: PeriodText): Promise<Period> {
  const period = await readPeriod(db, programId, text);
  if (period.from && period.until && period.until <= period.from) {
    throw validationError('endDate is before startDate', { endDate: 'is before startDate' });
  }
  return period;
}

async function readPeriod(db: Db, programId: string, { startDate, endDate }: PeriodText): Promise<Period> {
  const start = startDate ?? null;
  const end = endDate ?? null;
  if (!isDay(start) && !isDay(end)) return { from: toInstant(start), until: toInstantAfter(end) };
  const [row] = await runSql<Period>(
    db,
    'resolvePeriod',
    `select :firstDay::date::timestamp at time zone timezone as "from",
       (:lastDay::date + 1)::timestamp at time zone timezone as "until"
     from programs where id = :programId`,
    { firstDay: isDay(start) ? start : null, lastDay: isDay(end) ? end : null, programId },
  );
  return {
    from: isDay(start) ? (row?.from ?? null) : toInstant(start),
    until: isDay(end) ? (row?.until ?? null) : toInstantAfter(end),
  };
}

function isDay(text: string | null): boolean {
  return text !== null && text.length === 10;
}

function toInstant(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

function toInstantAfter(text: string | null): Date | null {
  return text === null ? null : new Date(Date.parse(text) + 1);
}
