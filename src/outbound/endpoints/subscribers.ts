import type { Trx } from '../../db/db.ts';
import type { Scope } from '../../domain/scope.ts';
import { runSql } from '../../db/sql.ts';
import type { PostbackEndpoint } from '../postbacks/fire-postbacks.ts';

/** A webhook or REST hook: what must be known of it to match messages with it. */
export interface Subscriber {
  id: string;
  programId: string;
  /** False: it gets test messages only. */
  livemode: boolean;
  /** Empty: all types. */
  eventTypes: string[];
  disabled: boolean;
}

export interface Subscribers {
  webhooks: Subscriber[];
  postbacks: PostbackEndpoint[];
}

/** The endpoints of these programs. Disabled ones too: what they miss is kept for them. */
export async function findSubscribers(
  trx: Trx,
  programIds: readonly string[],
  affiliateIds: readonly string[],
): Promise<Subscribers> {
  const rows = await runSql<PostbackEndpoint & { kind: string }>(
    trx,
    'findSubscribers',
    `select ${columns} from webhook_endpoints
      where program_id = any (:programIds::text[]) and affiliate_id is null and deleted_at is null
     union all
     select ${columns} from webhook_endpoints
      where program_id = any (:programIds::text[]) and affiliate_id = any (:affiliateIds::text[])
        and deleted_at is null`,
    { programIds, affiliateIds },
  );
  const { webhooks = [], postbacks = [] } = Object.groupBy(rows, (row) =>
    row.kind === 'postback' ? 'postbacks' : 'webhooks',
  );
  return { webhooks, postbacks };
}

const columns = `
  id, program_id as "programId", livemode, kind, event_types as "eventTypes", disabled_at is not null as disabled,
  affiliate_id as "affiliateId", url, method, body_template as "bodyTemplate"`;

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
