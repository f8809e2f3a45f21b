import type { Request, Response } from 'express';
import type { Db } from '../../db/db.ts';
import { AppError, validationError } from '../../domain/errors.ts';
import { admitKey, countFailure, readCredential } from '../../http/authenticate.ts';
import type { NetworkLimitDeps } from '../../http/network-limits.ts';
import { assertScope, type Principal } from '../../program/principals.ts';
import type { PostbackSource } from '../../program/sources.ts';
import { findField, type FieldNames } from '../fields/names.ts';

const NAME = 'dryRun';

/** What of a postback's URL is ours: whether it only asks, and the URL without the question. */
export interface AskedUrl {
  isDry: boolean;
  url: string;
}

/**
 * Reads `dryRun` from the query of a postback. Where the source's field map has the name for a field of its tracker, it is that
 * field. Throws VALIDATION_ERROR where it is neither true nor false: whoever writes `dryRun=yes` wants nothing to be booked.
 */
export function readDryRun(url: string, names: FieldNames): AskedUrl {
  const question = url.indexOf('?');
  // Most postbacks do not name it: they pay for this one search.
  if (question === -1 || !url.includes(NAME, question) || findField(names, NAME) !== undefined)
    return { isDry: false, url };
  const others: string[] = [];
  const values: string[] = [];
  for (const part of url.slice(question + 1).split('&')) {
    if (part === NAME || part.startsWith(`${NAME}=`)) values.push(part.slice(NAME.length + 1));
    else others.push(part);
  }
  if (values.some((value) => !/^(?:true|false|0|)$/.test(value)) || values.length > 1) {
    const message = 'must be true (nothing is booked) or false, once';
    throw validationError(`${NAME} ${message}`, { [NAME]: message });
  }
  if (values[0] !== 'true') return { isDry: false, url };
  const query = others.join('&');
  return { isDry: true, url: url.slice(0, question) + (query === '' ? '' : `?${query}`) };
}

/** Who asks what a postback without a key would come to: the answer tells of orders, so it takes a key that may write. */
export async function authenticateAsking(
  deps: NetworkLimitDeps & { db: Db },
  source: PostbackSource,
  req: Request,
  res: Response,
): Promise<Principal> {
  const key = readCredential(req, ['bearer', 'x-api-key']);
  const principal = key === null ? null : await admitKey(deps, key, req, res);
  if (principal?.programId !== source.programId) {
    await countFailure(deps, req, res);
    if (key !== null) throw new AppError('INVALID_API_KEY', 'The API key is not valid here');
    throw new AppError(
      'UNAUTHORIZED',
      'A dry run asks for an API key that may write: send it as Authorization: Bearer',
    );
  }
  assertScope(principal, null, 'write');
  if (source.livemode && principal.mode === 'test') {
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'A dry run at a live source asks for a live key');
  }
  return principal;
}
