import type { Trx } from '../../db/db.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
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
  readonly #byType = new Map<string, Subscriber[]>();

  constructor(subscribers: readonly Subscriber[]) {
    this.#byProgram = Map.groupBy(subscribers, (subscriber) => subscriber.programId);
  }

  /** Test messages go to live endpoints too, marked as such; live ones to no test endpoint. */
  find(scope: Scope, type: string): readonly Subscriber[] {
    const key = `${scopeKey(scope)} ${type}`;
    let found = this.#byType.get(key);
    if (!found) {
      found = (this.#byProgram.get(scope.programId) ?? []).filter(
        (subscriber) => (subscriber.livemode || !scope.livemode) && wantsType(subscriber, type),
      );
      this.#byType.set(key, found);
    }
    return found;
  }
}

function wantsType({ eventTypes }: Subscriber, type: string): boolean {
  return eventTypes.length === 0 || eventTypes.includes(type);
}
