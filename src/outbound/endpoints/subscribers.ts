import type { Trx } from '../../db/db.ts';
import type { Scope } from '../../domain/scope.ts';
import { runSql } from '../../db/sql.ts';
import { configurationCache } from '../../db/versioned-cache.ts';
import { endpointFields, type EndpointRow } from './destination-rows.ts';
import type { PostbackEndpoint } from '../postbacks/fire-postbacks.ts';

/** A webhook or REST hook: what must be known of it to match messages with it, and to send them at once. */
export interface Subscriber {
  id: string;
  programId: string;
  /** False: it gets test messages only. */
  livemode: boolean;
  /** Empty: all types. */
  eventTypes: string[];
  disabled: boolean;
  endpoint: EndpointRow;
}

export interface Subscribers {
  webhooks: Subscriber[];
  postbacks: PostbackEndpoint[];
}

type Row = (Subscriber & { kind: 'webhook' | 'rest_hook' }) | (PostbackEndpoint & { kind: 'postback' });

/**
 * The endpoints of these programs, and the postbacks of these affiliates, by program. Disabled ones too: what they miss is kept
 * for them. What is known by the `versions` that the transaction sees (versioned-cache.ts) is not read again.
 */
export async function findSubscribers(
  trx: Trx,
  affiliatesOf: ReadonlyMap<string, ReadonlySet<string>>,
  versions: ReadonlyMap<string, string>,
): Promise<Subscribers> {
  const rows: Row[] = [];
  const unknown: Wanted[] = [];
  const cache = configurationCache(trx);
  for (const wanted of listWanted(affiliatesOf)) {
    const known = cache.get(keyOf(wanted), versions.get(wanted.programId) ?? '');
    if (known === undefined) unknown.push(wanted);
    else rows.push(...(known as Row[]));
  }
  if (unknown.length > 0) {
    const read = Map.groupBy(await readEndpoints(trx, unknown), keyOf);
    for (const wanted of unknown) {
      const found = read.get(keyOf(wanted)) ?? [];
      const version = versions.get(wanted.programId);
      if (version !== undefined) cache.set(keyOf(wanted), version, found);
      rows.push(...found);
    }
  }
  return {
    webhooks: rows.filter((row) => row.kind !== 'postback'),
    postbacks: rows.filter((row) => row.kind === 'postback'),
  };
}

/** `affiliateId` null: the endpoints of the program itself. */
interface Wanted {
  programId: string;
  affiliateId: string | null;
}

function listWanted(affiliatesOf: ReadonlyMap<string, ReadonlySet<string>>): Wanted[] {
  return [...affiliatesOf].flatMap(([programId, affiliateIds]) =>
    [null, ...affiliateIds].map((affiliateId) => ({ programId, affiliateId })),
  );
}

function keyOf({ programId, affiliateId }: { programId: string; affiliateId?: string | null }): string {
  return `endpoints ${programId} ${affiliateId ?? ''}`;
}

function readEndpoints(trx: Trx, wanted: readonly Wanted[]): Promise<Row[]> {
  const affiliates = wanted.flatMap(({ programId, affiliateId }) =>
    affiliateId === null ? [] : [{ programId, affiliateId }],
  );
  return runSql<Row>(
    trx,
    'findSubscribers',
    `select ${columns} from webhook_endpoints
      where program_id = any (:programIds::text[]) and affiliate_id is null and deleted_at is null
     union all
     select ${columns} from webhook_endpoints
      where (program_id, affiliate_id) in (select * from unnest(:programsOfAffiliates::text[], :affiliateIds::text[]))
        and deleted_at is null`,
    {
      programIds: wanted.filter(({ affiliateId }) => affiliateId === null).map(({ programId }) => programId),
      programsOfAffiliates: affiliates.map(({ programId }) => programId),
      affiliateIds: affiliates.map(({ affiliateId }) => affiliateId),
    },
  );
}

const columns = `
  id, program_id as "programId", livemode, kind, event_types as "eventTypes", disabled_at is not null as disabled,
  affiliate_id as "affiliateId", url, method, body_template as "bodyTemplate",
  case when kind <> 'postback' then jsonb_build_object(${endpointFields}) end as endpoint`;

/** Finds the subscribers of a program's event type, live or test. Built once for a batch of messages. */
export class SubscriberIndex {
  readonly #byProgram: Map<string, Subscriber[]>;
  /** By program and type, for live messages and for test messages. */
  readonly #ofLive = new Map<string, Map<string, Subscriber[]>>();
  readonly #ofTest = new Map<string, Map<string, Subscriber[]>>();

  constructor(subscribers: readonly Subscriber[]) {
    this.#byProgram = Map.groupBy(subscribers, (subscriber) => subscriber.programId);
  }

  /** Test messages go to live endpoints too, marked as such; live ones to no test endpoint. */
  find({ programId, livemode }: Scope, type: string): readonly Subscriber[] {
    const subscribers = this.#byProgram.get(programId);
    if (!subscribers) return [];
    const byProgram = livemode ? this.#ofLive : this.#ofTest;
    const byType = byProgram.get(programId) ?? new Map<string, Subscriber[]>();
    byProgram.set(programId, byType);
    const found =
      byType.get(type) ??
      subscribers.filter((subscriber) => (subscriber.livemode || !livemode) && wantsType(subscriber, type));
    byType.set(type, found);
    return found;
  }
}

function wantsType({ eventTypes }: Subscriber, type: string): boolean {
  return eventTypes.length === 0 || eventTypes.includes(type);
}
