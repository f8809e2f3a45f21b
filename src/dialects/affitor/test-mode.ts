import type { Db } from '../../db/db.ts';
import { numberOf } from './numbers.ts';

/** Whether a body asks for a test record: never live, whichever key it comes with. */
export function isTestMode(body: { additional_data?: { test_mode?: boolean | null | undefined } | null | undefined }) {
  return body.additional_data?.test_mode === true;
}

/** What the answers to test records have in addition: `message` and `data`, as the pages show them. */
export async function describeTest(
  db: Db,
  what: 'click' | 'lead' | 'sale' | 'refund',
  programId: string,
  objectId: string,
) {
  const [eventId, programNumber] = await Promise.all([
    numberOf(db, programId, 'event', objectId),
    numberOf(db, programId, 'program', programId),
  ]);
  const data = { eventId, programId: programNumber, test_mode: true };
  return { message: `Test ${what} event tracked successfully`, data };
}
