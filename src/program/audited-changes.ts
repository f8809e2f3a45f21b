import type { Trx } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { changedFields } from '../domain/changed-fields.ts';
import { maskKeysIn } from '../domain/keys.ts';
import type { Scope } from '../domain/scope.ts';
import { recordAuditEvents, type AuditedChange } from './audit-events.ts';

/** What is changed, as the audit log calls it. */
export interface AuditedObject {
  /** `offer`. */
  type: string;
  id: string;
}

/** Of no interest in themselves, or said by the event. */
const leftOut = new Set(['id', 'ref', 'programId', 'createdAt', 'updatedAt', 'lastUsedAt', 'sealedSecrets']);

/**
 * A change as the audit log keeps it: of an object that is new or gone all fields, else those that differ; none where nothing
 * does. `secrets` names what was replaced and is never shown: of that it says `changed`. Text that looks like a key is masked.
 */
export function describeChange(
  { type, id }: AuditedObject,
  before: object | null,
  after: object | null,
  { action, secrets = [] }: { action?: string; secrets?: readonly string[] } = {},
): AuditedChange[] {
  const [was, is] = [before && shownOf(before), after && shownOf(after)];
  const changed = Object.fromEntries(secrets.map((name) => [name, 'changed']));
  const object = { objectType: type, objectId: id };
  const verb = action ?? (was === null ? 'created' : is === null ? 'deleted' : 'updated');
  if (was === null || is === null) {
    return [{ ...object, action: `${type}.${verb}`, before: was, after: is && { ...is, ...changed } }];
  }
  const [differedBefore, differsNow] = [changedFields(was, is), { ...changedFields(is, was), ...changed }];
  if (Object.keys(differedBefore).length === 0 && Object.keys(differsNow).length === 0) return [];
  return [{ ...object, action: `${type}.${verb}`, before: differedBefore, after: differsNow }];
}

function shownOf(object: object): Record<string, unknown> {
  const fields = Object.entries(object).filter(([name, value]) => !leftOut.has(name) && value !== undefined);
  return maskKeysIn(Object.fromEntries(fields));
}

/** Records the change of one object in the transaction that makes it; nothing where nothing changed. */
export async function recordChange(
  trx: Trx,
  scope: Scope,
  actor: Actor,
  ...change: Parameters<typeof describeChange>
): Promise<void> {
  await recordAuditEvents(trx, scope, actor, describeChange(...change));
}
