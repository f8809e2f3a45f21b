import { z } from 'zod';
import { reference } from '../http/fields.ts';

/** So many objects can be named in one call. */
export const MAX_IDS = 10_000;
/** What a body of so many ids and a few fields has at most. */
export const MAX_VALUES = MAX_IDS + 100;

/** In the body of a call about many objects: those that it names. */
export function manyIds(exampleId: string) {
  return z
    .array(reference)
    .min(1)
    .max(MAX_IDS)
    .optional()
    .meta({ example: [exampleId] });
}

/** A refinement of such a body: it names them, or says by a filter which they are. */
export function eitherIdsOrFilter(body: { ids?: unknown; filter?: unknown }, context: z.core.$RefinementCtx): void {
  if ((body.ids === undefined) !== (body.filter === undefined)) return;
  context.addIssue({ code: 'custom', path: ['ids'], message: 'must be given, or filter instead of it' });
}
