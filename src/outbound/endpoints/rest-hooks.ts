import type { Db } from '../../db/db.ts';
import { AppError, validationError } from '../../domain/errors.ts';
import type { Reach, Scope } from '../../domain/scope.ts';
import { runSql } from '../../db/sql.ts';
import { createEndpoint, type Endpoint, type EndpointDeps } from './endpoints.ts';
import type { EventTypeName } from '../events/event-types.ts';

/** Subscribes a URL to one event type, as Zapier, Make and n8n do. Throws VALIDATION_ERROR (`targetUrl`). */
export async function createHook(
  deps: EndpointDeps,
  scope: Scope,
  { targetUrl, eventType }: { targetUrl: string; eventType: EventTypeName },
): Promise<{ endpoint: Endpoint; secret: string | null }> {
  try {
    return await createEndpoint(deps, scope, { kind: 'rest_hook', url: targetUrl, eventTypes: [eventType] });
  } catch (error) {
    const problem = error instanceof AppError ? error.details?.url : undefined;
    throw problem === undefined ? error : validationError(`targetUrl ${problem}`, { targetUrl: problem });
  }
}

/** Deletes a REST hook. One that does not exist in reach is no error. */
export async function deleteHook(db: Db, { programId, modes }: Reach, hookId: string): Promise<void> {
  await runSql(
    db,
    'deleteHook',
    `update webhook_endpoints set deleted_at = now(), updated_at = now()
      where id = :hookId and program_id = :programId and kind = 'rest_hook' and deleted_at is null
        and livemode = any(:modes::boolean[])`,
    { hookId, programId, modes },
  );
}
