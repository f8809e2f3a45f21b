import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Db } from './db.ts';
import { NewerSchemaError, refuseNewerSchema } from './migrate.ts';
import { opensSecrets } from './sealed-columns.ts';
import type { SecretBox } from './secret-box.ts';

/** ENCRYPTION_KEY is not the one that the stored secrets were sealed with. */
export class WrongKeyError extends Error {
  constructor() {
    super(
      'The secrets in this database were sealed with another key than ENCRYPTION_KEY. Set the key of before, or put it into ' +
        'ENCRYPTION_KEY_PREVIOUS to rotate. Where it is lost for good: tributary secrets forget',
    );
  }
}

/** Throws where this code must not work on this database: a NewerSchemaError, or a WrongKeyError. */
export async function refuseUnfit(db: Db, secrets: SecretBox): Promise<void> {
  await refuseNewerSchema(db);
  if (!(await opensSecrets(db, secrets))) throw new WrongKeyError();
}

const FIRST_CHECK_MS = 3_000;
const NEXT_CHECK_MS = 5_000;

/**
 * The same at the start of a process, which ends then. Where the database does not answer the process starts, so that it works
 * as soon as there is one, and ends later if need be.
 */
export async function exitIfUnfit({ db, secrets, log }: { db: Db; secrets: SecretBox; log: Logger }): Promise<void> {
  const checked = await Promise.race([check(), wait(FIRST_CHECK_MS, false, { ref: false })]);
  if (!checked) void checkUntilKnown();

  async function checkUntilKnown(): Promise<void> {
    do await wait(NEXT_CHECK_MS, undefined, { ref: false });
    while (!(await check()));
  }

  async function check(): Promise<boolean> {
    try {
      await refuseUnfit(db, secrets);
      return true;
    } catch (error) {
      if (!(error instanceof NewerSchemaError) && !(error instanceof WrongKeyError)) return false;
      log.fatal(error.message);
      process.stderr.write(`${error.message}\n`);
      return process.exit(1);
    }
  }
}
