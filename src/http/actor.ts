import type { Request } from 'express';
import type { Actor } from '../domain/actor.ts';
import type { Principal } from '../program/principals.ts';
import { requestIdOf } from './errors.ts';

/** What stands for the admin token where a key's id is asked for. */
export const ADMIN_KEY_ID = 'admin';

/** Who asks, and from where, on any surface. */
export function actorOf(req: Request, { keyId, keyName }: Pick<Principal, 'keyId' | 'keyName'>): Actor {
  const from = { address: req.ip ?? null, requestId: requestIdOf(req) };
  return keyId === ADMIN_KEY_ID
    ? { kind: 'admin', id: null, name: null, ...from }
    : { kind: 'key', id: keyId, name: keyName, ...from };
}
