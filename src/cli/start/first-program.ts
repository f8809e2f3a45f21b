import { randomBytes } from 'node:crypto';
import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import type { SecretBox } from '../../db/secret-box.ts';
import { runSql } from '../../db/sql.ts';
import { commandLine } from '../../domain/actor.ts';
import { createKeyAs } from '../../operations/key-changes.ts';
import { createTrackingLinkAs } from '../../operations/link-changes.ts';
import { createOfferAs } from '../../operations/offer-changes.ts';
import { createProgramAs } from '../../operations/program-changes.ts';
import { createSourceAs } from '../../operations/source-changes.ts';
import { createAffiliate } from '../../program/affiliates.ts';
import { recordChange } from '../../program/audited-changes.ts';
import type { Program } from '../../program/programs.ts';
import { postbackSettingsSchema, revenuecatSettingsSchema } from '../../program/sources.ts';

/** What a new hub starts with, so that it can be tried at once. Plaintexts are here and nowhere else. */
export interface FirstProgram {
  program: Program;
  /** Null where nobody would keep it. */
  liveKey: string | null;
  testKey: string;
  referralCode: string;
  linkCode: string;
  stripe: { id: string; signingSecret: string };
  revenuecat: { id: string; authorization: string };
  postback: { id: string };
}

/** Any number that nothing else locks by: it spells "1st". */
const ADVISORY_LOCK = 0x317374;

/** Makes the first program where there is none yet; null where there is one. Hubs that start at once make one together. */
export function createFirstProgram(
  db: Db,
  secrets: SecretBox,
  options = { liveKey: true },
): Promise<FirstProgram | null> {
  return inTransaction(db, async (trx) => {
    await runSql(trx, 'lockFirstProgram', 'select pg_advisory_xact_lock(:lock)', { lock: ADVISORY_LOCK });
    const programs = await runSql(trx, 'findAnyProgram', 'select 1 from programs limit 1');
    return programs.length > 0 ? null : makeProgram(trx, secrets, options);
  });
}

async function makeProgram(trx: Trx, secrets: SecretBox, options: { liveKey: boolean }): Promise<FirstProgram> {
  const program = await createProgramAs(trx, commandLine, { name: 'First program' });
  const scope = { programId: program.id, livemode: true };
  const live = options.liveKey
    ? await createKeyAs(trx, commandLine, program.id, { name: 'first live key', mode: 'live', access: 'write' })
    : null;
  const test = await createKeyAs(trx, commandLine, program.id, {
    name: 'first test key',
    mode: 'test',
    access: 'write',
  });
  const offer = await createOfferAs(trx, commandLine, scope, {
    name: 'First offer',
    url: 'https://example.com/',
    commission: { type: 'revshare', rateBps: 2000, durationMonths: 12 },
  });
  const affiliate = await createAffiliate(trx, scope, {
    displayName: 'First affiliate',
    email: 'affiliate@example.com',
    referralCode: 'first',
  });
  const { displayName, email, referralCode } = affiliate;
  const shown = { displayName, email, referralCode };
  await recordChange(trx, scope, commandLine, { type: 'affiliate', id: affiliate.id }, null, shown);
  const link = await createTrackingLinkAs(trx, commandLine, scope, { affiliateId: affiliate.id, offerId: offer.id });
  const signingSecret = `whsec_${randomBytes(24).toString('base64url')}`;
  const stripe = await createSourceAs(trx, secrets, commandLine, program.id, {
    kind: 'stripe',
    name: 'Stripe',
    settings: {},
    secrets: { signingSecrets: [signingSecret] },
  });
  const authorization = `Bearer ${randomBytes(24).toString('base64url')}`;
  const revenuecat = await createSourceAs(trx, secrets, commandLine, program.id, {
    kind: 'revenuecat',
    name: 'RevenueCat',
    settings: revenuecatSettingsSchema.parse({}),
    secrets: { authorization, hmacSecret: null },
  });
  const postback = await createSourceAs(trx, secrets, commandLine, program.id, {
    kind: 'postback',
    name: 'Tracker',
    settings: postbackSettingsSchema.parse({}),
    secrets: null,
  });
  return {
    program,
    liveKey: live?.plaintext ?? null,
    testKey: test.plaintext,
    referralCode: affiliate.referralCode,
    linkCode: link.code,
    stripe: { id: stripe.id, signingSecret },
    revenuecat: { id: revenuecat.id, authorization },
    postback: { id: postback.id },
  };
}
