import { selectList, type Columns } from '../db/columns.ts';
import { conditionOf } from '../db/conditions.ts';
import type { Db, Trx } from '../db/db.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { runSql } from '../db/sql.ts';
import type { Actor } from '../domain/actor.ts';
import { newId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';
import type { Period } from './period.ts';

/** A change to be recorded. `before` and `after` hold the fields that differ, never a secret. */
export interface AuditedChange {
  /** `affiliate.updated`, `commission.approved`: the object's type, and what was done. */
  action: string;
  objectType: string;
  objectId: string;
  /** Null: there was nothing before. */
  before: Readonly<Record<string, unknown>> | null;
  /** Null: there is nothing any more. */
  after: Readonly<Record<string, unknown>> | null;
}

/** Records changes in the transaction that makes them: what is rolled back was not done. */
export async function recordAuditEvents(
  trx: Trx,
  { programId, livemode }: Scope,
  actor: Actor,
  changes: readonly AuditedChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await runSql(
    trx,
    'recordAuditEvents',
    `insert into audit_events (id, program_id, livemode, actor_kind, actor_id, actor_name, address, request_id,
       action, object_type, object_id, before, after)
     select c.id, :programId, :livemode, :kind, :actorId, :name, :address, :requestId,
       c.action, c.object_type, c.object_id, c.before::json, c.after::json
     from unnest(:ids::text[], :actions::text[], :types::text[], :objectIds::text[], :befores::text[], :afters::text[])
       as c (id, action, object_type, object_id, before, after)`,
    {
      programId,
      livemode,
      kind: actor.kind,
      actorId: actor.id,
      name: actor.name,
      address: actor.address,
      requestId: actor.requestId,
      ids: changes.map(() => newId('aud')),
      actions: changes.map(({ action }) => action),
      types: changes.map(({ objectType }) => objectType),
      objectIds: changes.map(({ objectId }) => objectId),
      befores: changes.map(({ before }) => before && JSON.stringify(before)),
      afters: changes.map(({ after }) => after && JSON.stringify(after)),
    },
  );
}

/** What was changed or decided, by whom, and from where. */
export interface AuditEvent {
  id: string;
  livemode: boolean;
  actorKind: Actor['kind'];
  actorId: string | null;
  actorName: string | null;
  address: string | null;
  requestId: string | null;
  action: string;
  objectType: string;
  objectId: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  createdAt: Date;
}

export interface AuditFilter extends Period {
  /** Values of `livemode`. */
  modes: readonly boolean[];
  objectId?: string | undefined;
  objectType?: string | undefined;
  action?: string | undefined;
  actorId?: string | undefined;
}

/** Newest first. */
export function listAuditEvents(
  db: Db,
  programId: string,
  filter: AuditFilter,
  page: PageRequest,
): Promise<Page<AuditEvent>> {
  const list = { name: 'listAuditEvents', select: `select ${selected} from audit_events`, id: 'id' };
  const conditions = [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = any(:modes::boolean[])', filter.modes),
    ...conditionOf('object_id = :objectId', filter.objectId),
    ...conditionOf('object_type = :objectType', filter.objectType),
    ...conditionOf('action = :action', filter.action),
    ...conditionOf('actor_id = :actorId', filter.actorId),
    ...conditionOf('created_at >= :from', filter.from),
    ...conditionOf('created_at < :until', filter.until),
  ];
  return selectPage<AuditEvent>(db, list, conditions, page);
}

const columns: Columns<keyof AuditEvent> = {
  id: 'id',
  livemode: 'livemode',
  actorKind: 'actor_kind',
  actorId: 'actor_id',
  actorName: 'actor_name',
  address: 'address',
  requestId: 'request_id',
  action: 'action',
  objectType: 'object_type',
  objectId: 'object_id',
  before: 'before',
  after: 'after',
  createdAt: 'created_at',
};
const selected = selectList(columns);
