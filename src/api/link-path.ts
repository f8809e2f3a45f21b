import type { Db } from '../db/db.ts';
import { decodeEscapes } from '../domain/byte-text.ts';
import { findLinkTarget, type LinkTarget } from '../program/link-targets.ts';

/** The address of a link as it was asked for: what stands behind `/r/`, percent-encoded, and the query. */
export interface LinkPath {
  code: string;
  query: string;
}

/**
 * Reads an address under `/r/`, as people paste them and QR codes shout them: `//r/`, `/R/`, several slashes. Null for any
 * other address.
 */
export function readLinkPath(url: string): LinkPath | null {
  const [found, code = '', query = ''] = /^\/+r(?:\/+([^?]*))?(?:\?(.*))?$/is.exec(url) ?? [];
  return found === undefined ? null : { code, query };
}

const MAX_CODE_LENGTH = 255;

/**
 * Where it leads, and with which query: with `CODE&sub1=a`, or an encoded `?`, that begins in the code. Null for what is no
 * link.
 */
export async function followLinkPath(
  db: Db,
  { code, query }: LinkPath,
): Promise<{ target: LinkTarget; query: string } | null> {
  const whole = await findTarget(db, decodeEscapes(code));
  if (whole) return { target: whole, query };
  const [, before, sign = '', after = ''] = /^(.+?)(&|%26|%3f|%23|#)(.*)$/is.exec(code) ?? [];
  if (before === undefined) return null;
  const target = await findTarget(db, decodeEscapes(before));
  const more = sign.length > 1 ? after.replaceAll(/%(?:26|3d)/gi, decodeEscapes) : after;
  return target && { target, query: `${more}&${query}` };
}

async function findTarget(db: Db, code: string): Promise<LinkTarget | null> {
  return code.length <= MAX_CODE_LENGTH && !code.includes('\0') ? await findLinkTarget(db, code) : null;
}
