import { hash } from 'node:crypto';
import type { IdPrefix } from '../domain/ids.ts';
import { foldCode } from '../domain/codes.ts';
import type { ImportedAffiliate } from './records.ts';

/** What tells one affiliate from another in the files. */
export function identityOf({ id, referralCode, email }: ImportedAffiliate): string {
  return id ?? [...(referralCode === null ? [] : [foldCode(referralCode)]), email.toLowerCase()].join(' ');
}

/** An id for an object whose own does not fit: the same in every import into a program. */
export function derivedId(programId: string, prefix: IdPrefix, identity: string): string {
  return `${prefix}_${hash('sha256', `${programId} ${identity}`, 'hex').slice(0, 32)}`;
}

/** Whether an id of another system can be one here. */
export function fits(id: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,99}$/.test(id);
}
