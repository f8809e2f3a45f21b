import type { Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Actor } from '../domain/actor.ts';
import { newId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';

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
