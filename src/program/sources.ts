import { randomBytes } from 'node:crypto';
import type { Db } from '../db/db.ts';
import { z } from 'zod';
import type { SecretBox } from '../db/secret-box.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf, selectPage, type Page, type PageRequest } from '../db/page.ts';
import { buildUpdate } from '../db/update.ts';
import { findForeignKeyViolation } from '../db/pg-errors.ts';

/** What may be shown of a source, by kind (API.md section 4). */
export const stripeSettingsSchema = z.strictObject({});

export const revenuecatSettingsSchema = z.strictObject({
  /** What commission is reckoned on: the price, the price without tax, or what the store pays out. */
  amountBasis: z.enum(['gross', 'net_of_tax', 'proceeds']).default('net_of_tax'),
  /** Whether the subscriber attribute `$campaign` is a coupon code. */
  campaignAsCoupon: z.boolean().default(false),
  /**
   * The stores STRIPE and RC_BILLING bill by Stripe, whose own webhooks may report the same money. auto: RevenueCat
   * counts where the program has no Stripe source; count: always; ignore: never.
   */
  stripeStores: z.enum(['auto', 'count', 'ignore']).default('auto'),
});

export const trackerStateSchema = z.enum(['lead', 'hold', 'sale', 'rejected']);

export const postbackSettingsSchema = z.strictObject({
  /** primary: conversions. secondary: funnel events, which carry no money. */
  purpose: z.enum(['primary', 'secondary']).default('primary'),
  /** A tracker's name in `GET /sources/presets`. */
  preset: z.string().nullable().default(null),
  /** Their parameter name -> our field; on top of the preset's. */
  fields: z.record(z.string(), z.string()).default({}),
  /** Their status word -> what it means; on top of the preset's. */
  statuses: z.record(z.string(), trackerStateSchema).default({}),
  response: z.enum(['json', 'ok', 'gif']).default('json'),
  /** Whether a postback must carry an API key of the program in `secure`. */
  requireKey: z.boolean().default(true),
  /** The addresses that may send; null: all. */
  allowedCidrs: z.array(z.string()).nullable().default(null),
  /** The funnel event that a secondary postback tells of where it names none itself. */
  eventType: z.enum(['pageview', 'registration', 'lead']).nullable().default(null),
});

export type StripeSettings = z.infer<typeof stripeSettingsSchema>;
export type RevenuecatSettings = z.infer<typeof revenuecatSettingsSchema>;
export type PostbackSettings = z.infer<typeof postbackSettingsSchema>;

/** Never shown again once they are set. */
export interface StripeSecrets {
  /** Several while one is rotated; each is tried. */
  signingSecrets: string[];
}
export interface RevenuecatSecrets {
  /** The exact value of the Authorization header. At least one of the two is set; where both are, both must fit. */
  authorization: string | null;
  hmacSecret: string | null;
}

interface SourceBase {
  /** Unguessable: it is in the URL that the sender is given. */
  id: string;
  programId: string;
  name: string | null;
  /** source: order ids of this source are its own and never meet those of others. */
  orderScope: 'program' | 'source';
  /** null: each message says so itself. */
  livemode: boolean | null;
  /** Encrypted; see `openStripeSecrets`, `openRevenuecatSecrets`. */
  sealedSecrets: string | null;
  createdAt: Date;
}
export type StripeSource = SourceBase & { kind: 'stripe'; settings: StripeSettings };
export type RevenuecatSource = SourceBase & { kind: 'revenuecat'; settings: RevenuecatSettings };
export type PostbackSource = SourceBase & { kind: 'postback'; settings: PostbackSettings };
/** A configured way in. */
export type Source = StripeSource | RevenuecatSource | PostbackSource;
export type SourceKind = Source['kind'];

export type SourceInput = {
  name?: string | null | undefined;
  orderScope?: Source['orderScope'] | undefined;
  livemode?: boolean | null | undefined;
} & (
  | { kind: 'stripe'; settings: StripeSettings; secrets: StripeSecrets }
  | { kind: 'revenuecat'; settings: RevenuecatSettings; secrets: RevenuecatSecrets }
  | { kind: 'postback'; settings: PostbackSettings; secrets: null }
);

/** Settings and secrets are whole: what is given replaces what was. */
export interface SourceChanges {
  name?: string | null | undefined;
  orderScope?: Source['orderScope'] | undefined;
  livemode?: boolean | null | undefined;
  settings?: Source['settings'] | undefined;
  secrets?: StripeSecrets | RevenuecatSecrets | undefined;
}

/**
 * The source behind a URL, whoever's it is; null where there is none (or no more). Remembered for less than 5 s.
 */
export function findSource(db: Db, sourceId: string): Promise<Source | null> {
  return cacheOf(db).get(sourceId, async () => {
    const [row] = await runPositional<Source>(
      db,
      `select ${columns} from sources where id = ? and deleted_at is null`,
      [sourceId],
    );
    return row ?? null;
  });
}

/** Sources by id, also those that are deleted: what they brought is still to be understood. */
export function listSourcesOfAnyTime(db: Db, ids: string[]): Promise<SourceOfAnyTime[]> {
  return runPositional<SourceOfAnyTime>(
    db,
    `select ${columns}, settings_changed_at as "settingsChangedAt" from sources where id = any(?)`,
    [ids],
  );
}

/** `settingsChangedAt`: when what it says of its messages was last changed; null: never. */
export type SourceOfAnyTime = Source & { settingsChangedAt: Date | null };

/** A Stripe source's secrets. Opened once a look-up, not once a message. */
export function openStripeSecrets(secrets: SecretBox, source: StripeSource): Promise<StripeSecrets> {
  return openSecrets<StripeSecrets>(secrets, source);
}

export function openRevenuecatSecrets(secrets: SecretBox, source: RevenuecatSource): Promise<RevenuecatSecrets> {
  return openSecrets<RevenuecatSecrets>(secrets, source);
}

/** Throws NOT_FOUND for an unknown program. */
export async function createSource(db: Db, secrets: SecretBox, programId: string, input: SourceInput): Promise<Source> {
  // A UUIDv7 tells its time and has 74 random bits; the rest makes the id a capability.
  const id = newId('src') + randomBytes(16).toString('hex');
  try {
    const [row] = await runPositional<Source>(
      db,
      `insert into sources (id, program_id, kind, name, order_scope, livemode, settings, secrets)
       values (?, ?, ?, ?, ?, ?, ?, ?) returning ${columns}`,
      [
        id,
        programId,
        input.kind,
        input.name ?? null,
        input.orderScope ?? 'program',
        input.livemode ?? null,
        JSON.stringify(input.settings),
        input.secrets ? await secrets.seal(JSON.stringify(input.secrets)) : null,
      ],
    );
    cacheOf(db).delete(id);
    return row as Source;
  } catch (error) {
    if (findForeignKeyViolation(error) === null) throw error;
    throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
  }
}

/** A program's own source, fresh from the database. */
export async function getSource(db: Db, programId: string, sourceId: string): Promise<Source | null> {
  const [row] = await runPositional<Source>(
    db,
    `select ${columns} from sources where program_id = ? and id = ? and deleted_at is null`,
    [programId, sourceId],
  );
  return row ?? null;
}

/** Newest first. */
export function listSources(
  db: Db,
  programId: string,
  filter: { kind?: SourceKind | undefined },
  page: PageRequest,
): Promise<Page<Source>> {
  const conditions = [
    { sql: 'program_id = ? and deleted_at is null', bindings: [programId] },
    ...conditionOf('kind = ?', filter.kind),
  ];
  return selectPage<Source>(db, `select ${columns} from sources`, 'id', conditions, page);
}

/** Null where the program has no such source. */
export async function updateSource(
  db: Db,
  secrets: SecretBox,
  programId: string,
  sourceId: string,
  changes: SourceChanges,
): Promise<Source | null> {
  const now = new Date().toISOString();
  const update = buildUpdate({
    name: changes.name,
    order_scope: changes.orderScope,
    livemode: changes.livemode,
    settings: changes.settings && JSON.stringify(changes.settings),
    settings_changed_at: changes.settings || changes.orderScope || changes.livemode !== undefined ? now : undefined,
    secrets: changes.secrets && (await secrets.seal(JSON.stringify(changes.secrets))),
  });
  const [row] = await runPositional<Source>(
    db,
    `update sources set ${update.sql} where program_id = ? and id = ? and deleted_at is null returning ${columns}`,
    [...update.bindings, programId, sourceId],
  );
  cacheOf(db).delete(sourceId);
  return row ?? null;
}

/** Closes the way in; what came by it stays. False where the program has no such source. */
export async function deleteSource(db: Db, programId: string, sourceId: string): Promise<boolean> {
  const rows = await runPositional<{ id: string }>(
    db,
    `update sources set deleted_at = now() where program_id = ? and id = ? and deleted_at is null returning id`,
    [programId, sourceId],
  );
  cacheOf(db).delete(sourceId);
  return rows.length > 0;
}

/** When the newest message came by a source; null where none did. */
export async function findLastEventTime(db: Db, sourceId: string): Promise<Date | null> {
  const [row] = await runPositional<{ receivedAt: Date }>(
    db,
    `select received_at as "receivedAt" from inbox_events where source_id = ? order by id desc limit 1`,
    [sourceId],
  );
  return row?.receivedAt ?? null;
}

const columns = `id, program_id as "programId", kind, name, order_scope as "orderScope", livemode, settings,
  secrets as "sealedSecrets", created_at as "createdAt"`;

const cacheOf = perDatabase(() => new ExpiringCache<Source>({ ttlMs: 4_000, maxEntries: 10_000 }));

/** Found sources are remembered as objects, so what was opened is remembered with them and forgotten with them. */
const opened = new WeakMap<Source, Promise<unknown>>();

function openSecrets<T>(secrets: SecretBox, source: Source): Promise<T> {
  let opening = opened.get(source);
  if (!opening) {
    opening = secrets.open(source.sealedSecrets ?? '').then((text) => JSON.parse(text) as unknown);
    opened.set(source, opening);
  }
  return opening as Promise<T>;
}
