import { inTransaction, type Db } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { AppError, validationError } from '../../domain/errors.ts';
import type { Reach, Scope } from '../../domain/scope.ts';
import { runSql } from '../../db/sql.ts';
import { recordChange } from '../../program/audited-changes.ts';
import { createEndpoint, type Endpoint, type EndpointDeps } from './endpoints.ts';
import type { EventTypeName } from '../events/event-types.ts';

/** Subscribes a URL to one event type, as Zapier, Make and n8n do. Throws VALIDATION_ERROR (`targetUrl`). */
export async function createHook(
  deps: EndpointDeps,
  scope: Scope,
  { targetUrl, eventType }: { targetUrl: string; eventType: EventTypeName },
  actor: Actor,
): Promise<{ endpoint: Endpoint; secret: string | null }> {
  try {
    return await createEndpoint(deps, scope, { kind: 'rest_hook', url: targetUrl, eventTypes: [eventType] }, actor);
  } catch (error) {
    const problem = error instanceof AppError ? error.details?.url : undefined;
    throw problem === undefined ? error : validationError(`targetUrl ${problem}`, { targetUrl: problem });
  }
}

/** Deletes a REST hook. One that does not exist in reach is no error. */
export async function deleteHook(db: Db, { programId, modes }: Reach, hookId: string, actor: Actor): Promise<void> {
  await inTransaction(db, async (trx) => {
    const [deleted] = await runSql<{ livemode: boolean; url: string; eventTypes: string[] }>(
      trx,
      'deleteHook',
      `update webhook_endpoints set deleted_at = now(), updated_at = now()
        where id = :hookId and program_id = :programId and kind = 'rest_hook' and deleted_at is null
          and livemode = any(:modes::boolean[])
       returning livemode, url, event_types as "eventTypes"`,
      { hookId, programId, modes },
    );
    if (!deleted) return;
    const { livemode, ...hook } = deleted;
    const object = { type: 'webhook_endpoint', id: hookId };
    await recordChange(trx, { programId, livemode }, actor, object, { kind: 'rest_hook', livemode, ...hook }, null);
  });
}
