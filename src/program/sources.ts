import { randomBytes } from 'node:crypto';
import type { Db } from '../db/db.ts';
import { z } from 'zod';
import type { SealedPlace, SecretBox } from '../db/secret-box.ts';
import { insertList, selectList, updateList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import type { Reach } from '../domain/scope.ts';
import { newId } from '../domain/ids.ts';
import { ExpiringCache, perDatabase } from '../db/expiring-cache.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation } from '../db/pg-errors.ts';

// What may be shown of a source, by kind.

const stripeSettingsSchema = z.strictObject({});

export const revenuecatSettingsSchema = z.strictObject({
  /** What commission is computed on: the price, the price without tax, or what the store pays out. */
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
  /** Unguessable: it is in the URL that the sender is given. source-refs.ts has who is told it. */
  id: string;
  /** Names the source and opens nothing. */
  ref: string;
  programId: string;
  name: string | null;
  /**
   * source: order ids of this source are its own and never meet those of others. Always so where it asks for no key; then
   * nothing else that it names meets what others know, either.
   */
  orderScope: 'program' | 'source';
  /** true: each message says itself whether it is test. false: all are, and a test key may change the source. */
  livemode: boolean;
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
  /** Live when absent. */
  livemode?: boolean | undefined;
} & (
  | { kind: 'stripe'; settings: StripeSettings; secrets: StripeSecrets }
  | { kind: 'revenuecat'; settings: RevenuecatSettings; secrets: RevenuecatSecrets }
  | { kind: 'postback'; settings: PostbackSettings; secrets: null }
);

/** Settings and secrets are each replaced as a whole. */
export interface SourceChanges {
  name?: string | null | undefined;
  orderScope?: Source['orderScope'] | undefined;
  livemode?: boolean | undefined;
  settings?: Source['settings'] | undefined;
  secrets?: StripeSecrets | RevenuecatSecrets | undefined;
}

/** The source behind a URL, of any program; null where there is none, or no more. Remembered for less than 5 s. */
export async function findSource(db: Db, sourceId: string): Promise<Source | null> {
  const known = await findSourceOfUrl(db, sourceId);
  return known === null || known.isDeleted ? null : known.source;
}

/** The same, told also of a source that was deleted: what comes by its URL is refused, and still its program's to know. */
export function findSourceOfUrl(db: Db, sourceId: string): Promise<KnownSource | null> {
  return cacheOf(db).get(sourceId, async () => {
    const [row] = await runSql<Source & { deletedAt: Date | null }>(
      db,
      'findSource',
      `select ${selected}, deleted_at as "deletedAt" from sources where id = :sourceId`,
      { sourceId },
    );
    if (!row) return null;
    const { deletedAt, ...source } = row;
    return { source, isDeleted: deletedAt !== null };
  });
}

export interface KnownSource {
  source: Source;
  isDeleted: boolean;
}

/** Sources by id, deleted ones too: what came by them can still be replayed. */
export function listSourcesOfAnyTime(db: Db, ids: string[]): Promise<SourceOfAnyTime[]> {
  return runSql<SourceOfAnyTime>(
    db,
    'listSourcesOfAnyTime',
    `select ${selectList(columns)} from sources where id = any(:ids)`,
    { ids },
  );
}

/** `settingsChangedAt`: when one last changed how its messages are read; null: never. */
export type SourceOfAnyTime = Source & { settingsChangedAt: Date | null };

/** A Stripe source's secrets. Opened once for each look-up of the source, not for each message. */
export function openStripeSecrets(secrets: SecretBox, source: StripeSource): Promise<StripeSecrets> {
  return openSecrets<StripeSecrets>(secrets, source);
}

export function openRevenuecatSecrets(secrets: SecretBox, source: RevenuecatSource): Promise<RevenuecatSecrets> {
  return openSecrets<RevenuecatSecrets>(secrets, source);
}

/** Throws NOT_FOUND for an unknown program. */
export async function createSource(db: Db, secrets: SecretBox, programId: string, input: SourceInput): Promise<Source> {
  // A UUIDv7 tells its time and has 60 random bits; 16 more bytes make the id a capability.
  const id = newId('src') + randomBytes(16).toString('hex');
  try {
    const [row] = await runSql<Source>(db, 'createSource', `insert into sources ${inserted} returning ${selected}`, {
      id,
      ref: newId('srr'),
      programId,
      kind: input.kind,
      name: input.name ?? null,
      orderScope: isKeyless(input.settings) ? 'source' : (input.orderScope ?? 'program'),
      livemode: input.livemode ?? true,
      settings: JSON.stringify(input.settings),
      sealedSecrets: input.secrets ? await secrets.seal(JSON.stringify(input.secrets), placeOf(id)) : null,
    });
    cacheOf(db).delete(id);
    return row as Source;
  } catch (error) {
    if (findForeignKeyViolation(error) === null) throw error;
    throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
  }
}

/** A program's own source, by id or ref, as the database has it now. */
export async function getSource(db: Db, { programId, modes }: Reach, sourceId: string): Promise<Source | null> {
  const [row] = await runSql<Source>(
    db,
    'getSource',
    `select ${selected} from sources
     where program_id = :programId and :sourceId in (id, ref) and deleted_at is null
       and livemode = any(:modes::boolean[])`,
    { programId, modes, sourceId },
  );
  return row ?? null;
}

/** The same, deleted ones too: who may read of what came by them. */
export async function getSourceOfAnyTime(
  db: Db,
  { programId, modes }: Reach,
  sourceId: string,
): Promise<Pick<Source, 'id' | 'ref' | 'livemode'> | null> {
  const [row] = await runSql<Pick<Source, 'id' | 'ref' | 'livemode'>>(
    db,
    'getSourceOfAnyTime',
    `select id, ref, livemode from sources
     where program_id = :programId and :sourceId in (id, ref) and livemode = any(:modes::boolean[])`,
    { programId, modes, sourceId },
  );
  return row ?? null;
}

/** Newest first, paged by ref: a page's cursor must not hold what opens a source. */
export function listSources(
  db: Db,
  { programId, modes }: Reach,
  filter: { kind?: SourceKind | undefined },
  page: PageRequest,
): Promise<Page<Source>> {
  const list = { name: 'listSources', select: `select ${selected} from sources`, id: 'ref' };
  const conditions = [
    ...conditionOf('program_id = :programId and deleted_at is null', programId),
    ...conditionOf('livemode = any(:modes::boolean[])', modes),
    ...conditionOf('kind = :kind', filter.kind),
  ];
  return selectPage<Source>(db, list, conditions, page);
}

/** Null where there is no such source in reach. */
export async function updateSource(
  db: Db,
  secrets: SecretBox,
  { programId, modes }: Reach,
  sourceId: string,
  changes: SourceChanges,
): Promise<Source | null> {
  const now = new Date().toISOString();
  const update = updateList(columns, {
    name: changes.name,
    orderScope: isKeyless(changes.settings) ? 'source' : changes.orderScope,
    livemode: changes.livemode,
    settings: changes.settings && JSON.stringify(changes.settings),
    settingsChangedAt: changes.settings || changes.orderScope || changes.livemode !== undefined ? now : undefined,
    sealedSecrets: changes.secrets && (await secrets.seal(JSON.stringify(changes.secrets), placeOf(sourceId))),
  });
  const [row] = await runSql<Source>(
    db,
    'updateSource',
    `update sources set ${update.sql}
     where program_id = :programId and id = :sourceId and deleted_at is null and livemode = any(:modes::boolean[])
     returning ${selected}`,
    { ...update.bindings, programId, modes, sourceId },
  );
  cacheOf(db).delete(sourceId);
  return row ?? null;
}

/** Nothing comes by it any more; what did come stays. False where there is no such source in reach. */
export async function deleteSource(db: Db, { programId, modes }: Reach, sourceId: string): Promise<boolean> {
  const rows = await runSql<{ id: string }>(
    db,
    'deleteSource',
    `update sources set deleted_at = now()
     where program_id = :programId and id = :sourceId and deleted_at is null and livemode = any(:modes::boolean[])
     returning id`,
    { programId, modes, sourceId },
  );
  cacheOf(db).delete(sourceId);
  return rows.length > 0;
}

/** Has this process look a source up again: after the commit of what changed it in a transaction. */
export function forgetSource(db: Db, sourceId: string): void {
  cacheOf(db).delete(sourceId);
}

/** Whether it asks for no key. */
function isKeyless(settings: Source['settings'] | undefined): boolean {
  return settings !== undefined && 'requireKey' in settings && !settings.requireKey;
}

const shownColumns: Columns<keyof Source> = {
  id: 'id',
  ref: 'ref',
  programId: 'program_id',
  kind: 'kind',
  name: 'name',
  orderScope: 'order_scope',
  livemode: 'livemode',
  settings: 'settings',
  sealedSecrets: 'secrets',
  createdAt: 'created_at',
};
const columns: Columns<keyof SourceOfAnyTime> = { ...shownColumns, settingsChangedAt: 'settings_changed_at' };
const selected = selectList(shownColumns);
const inserted = insertList(shownColumns, ['createdAt']);

const cacheOf = perDatabase(() => new ExpiringCache<KnownSource>({ ttlMs: 4_000, maxEntries: 10_000 }));

/** The cache above keeps sources as objects: their opened secrets are kept and forgotten with them. */
const opened = new WeakMap<Source, Promise<unknown>>();

const placeOf = (id: string): SealedPlace => ({ table: 'sources', column: 'secrets', row: [id] });

function openSecrets<T>(secrets: SecretBox, source: Source): Promise<T> {
  let opening = opened.get(source);
  if (!opening) {
    opening = secrets.open(source.sealedSecrets ?? '', placeOf(source.id)).then((text) => JSON.parse(text) as unknown);
    opened.set(source, opening);
  }
  return opening as Promise<T>;
}
