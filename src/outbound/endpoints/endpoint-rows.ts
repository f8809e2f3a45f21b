import { selectList, type Columns } from '../../db/columns.ts';
import type { Db } from '../../db/db.ts';
import type { SealedPlace } from '../../db/secret-box.ts';
import { runSql } from '../../db/sql.ts';

/** An endpoint's row but for the headers and the secrets, which are encrypted. */
export interface EndpointRow {
  id: string;
  programId: string;
  /** False: a test key made it, and it gets test messages only. */
  livemode: boolean;
  kind: 'webhook' | 'rest_hook' | 'postback';
  url: string;
  method: 'GET' | 'POST';
  bodyTemplate: string | null;
  affiliateId: string | null;
  managed: boolean;
  eventTypes: string[];
  description: string | null;
  rateLimitPerSecond: number | null;
  disabledAt: Date | null;
  disabledReason: 'manual' | 'gone' | 'failing' | null;
  failingSince: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export const endpointColumns: Columns<keyof EndpointRow> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
  kind: 'kind',
  url: 'url',
  method: 'method',
  bodyTemplate: 'body_template',
  affiliateId: 'affiliate_id',
  managed: 'managed',
  eventTypes: 'event_types',
  description: 'description',
  rateLimitPerSecond: 'rate_limit_per_second',
  disabledAt: 'disabled_at',
  disabledReason: 'disabled_reason',
  failingSince: 'failing_since',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};
const endpointList = selectList(endpointColumns);

/** Deleted ones too: `endpoint.disabled` tells of a REST hook that was just removed. */
export function readEndpoints(db: Db, ids: readonly string[]): Promise<EndpointRow[]> {
  return runSql(
    db,
    'readEndpoints',
    `select ${endpointList} from webhook_endpoints where id = any (:ids::text[]) order by id`,
    { ids },
  );
}

/** An endpoint as the API and events show it. The API adds the names of its headers; their values may be credentials. */
export interface EndpointView {
  id: string;
  livemode: boolean;
  kind: EndpointRow['kind'];
  url: string;
  eventTypes: string[];
  description: string | null;
  rateLimitPerSecond: number | null;
  disabled: boolean;
  /** Why it is disabled: `manual`, `gone` (it answered 410), `failing` (five days of only failures). */
  disabledReason: EndpointRow['disabledReason'];
  /** The first failure after the last success. */
  failingSince: string | null;
  createdAt: string;
  updatedAt: string;
}

export function presentEndpoint(row: EndpointRow): EndpointView {
  return {
    id: row.id,
    livemode: row.livemode,
    kind: row.kind,
    url: row.url,
    ...(row.kind === 'postback'
      ? { method: row.method, bodyTemplate: row.bodyTemplate, affiliateId: row.affiliateId }
      : {}),
    eventTypes: row.eventTypes,
    description: row.description,
    rateLimitPerSecond: row.rateLimitPerSecond,
    disabled: row.disabledAt !== null,
    disabledReason: row.disabledReason,
    failingSince: row.failingSince?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** Where an endpoint's sealed values stand. */
export function placeOf(column: 'secret' | 'previous_secret' | 'headers', endpointId: string): SealedPlace {
  return { table: 'webhook_endpoints', column, row: [endpointId] };
}
