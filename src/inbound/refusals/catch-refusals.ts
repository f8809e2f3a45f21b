import type { Request } from 'express';
import { toAppError } from '../../db/pg-errors.ts';
import { refusalOf } from '../../http/refusals.ts';
import { defaultFieldNames, type FieldNames } from '../fields/names.ts';
import type { Refusals } from './recorder.ts';
import type { RefusedSource } from './sample.ts';

/** What a router knows of a message, as far as it has come with it. */
export interface Seen {
  /** Null: not read yet. */
  body: Buffer | null;
  names: FieldNames;
}

/**
 * Runs what decides whether a source takes a message, up to the point where it is stored. What is refused is noted, and thrown
 * on. `decide` says in `seen` what it has read.
 */
export async function catchRefusals<T>(
  refusals: Refusals,
  req: Request,
  source: RefusedSource,
  decide: (seen: Seen) => Promise<T>,
  names: FieldNames = defaultFieldNames,
): Promise<T> {
  const seen: Seen = { body: null, names };
  try {
    return await decide(seen);
  } catch (thrown) {
    noteRefusal(refusals, req, source, thrown, seen);
    throw thrown;
  }
}

/** What is no word about the message (the store is away) is not noted. Sets `req.refusal`, for the metrics. */
export function noteRefusal(
  refusals: Refusals,
  req: Request,
  source: RefusedSource,
  thrown: unknown,
  seen: Seen = { body: null, names: defaultFieldNames },
): void {
  const error = toAppError(thrown);
  const refusal = req.refusal ?? refusalOf(error);
  if (refusal === null) return;
  req.refusal = refusal;
  const { status, message } = error;
  refusals.note(req, { source, refusal, status, message, ...seen });
}
