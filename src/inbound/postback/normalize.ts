import type { Normalized } from '../../domain/facts.ts';
import type { PostbackSettings } from '../../program/sources.ts';
import { giveField, type GivenFields } from '../fields/given.ts';
import { hintAtMisspelt } from '../fields/misspelt.ts';
import { findField, type ConversionField, type FieldNames } from '../fields/names.ts';
import { hasPathWithin } from '../fields/paths.ts';
import { Problems } from '../fields/problems.ts';
import { toConversionFact, toFunnelFact } from '../fields/to-fact.ts';
import { readMessage } from './message.ts';
import { compileSettings } from './settings.ts';
import type { CompiledSettings } from './settings.ts';

/** Marks a stored message for which its source asked for no key. */
export const KEYLESS_HEADER = 'keyless';

export interface PostbackContext {
  livemode: boolean;
  receivedAt: Date;
  /** The source, where its order ids are its own; null where they are the program's. */
  orderScope: string | null;
  /** The source, where it asked for no key when the message came: all that is named is then its own. Null: there was a key. */
  keyless: string | null;
  /** To normalize a stored message again: `callIdOf(its facts)`. */
  callId?: string | undefined;
}

/**
 * One postback, query and body merged, as one fact: a tracker's word where it carries a status, else a sale or an action;
 * of a secondary source a funnel event. Throws VALIDATION_ERROR with `details` under the sender's own names.
 */
export function normalizePostback(
  pairs: readonly (readonly [name: string, value: unknown])[],
  settings: CompiledSettings,
  context: PostbackContext,
): Normalized {
  const problems = new Problems(() =>
    hintAtMisspelt(
      pairs.map(([name]) => name),
      settings.names,
    ),
  );
  const given: GivenFields = {};
  for (const [name, value] of pairs) {
    if (isPartOfField(settings.names, name))
      problems.add(name, 'must be text or a number, not part of a list or an object');
    else if (!isOfAnotherKind(settings.names, name, value)) giveField(given, settings.names, name, value, problems);
  }
  // The key was checked before, and must appear in no error.
  delete given.secure;
  const facts = { ...context, document: 'postback', callId: context.callId } as const;
  if (settings.purpose === 'secondary') return toFunnelFact(given, settings.eventType, facts, problems);
  return toConversionFact(given, settings.statuses, facts, problems);
}

/** Names that the JSON of shops and trackers has for objects and lists of its own. What they mean with us is told without them. */
const alsoOthers: ReadonlySet<ConversionField> = new Set([
  'goal',
  'url',
  'productId',
  'sub1',
  'sub2',
  'sub3',
  'sub4',
  'sub5',
]);

/** Whether a value is of no kind that its field can have, so that it is the sender's own: `event: {…}`, a text of metadata. */
function isOfAnotherKind(names: FieldNames, name: string, value: unknown): boolean {
  const field = findField(names, name)?.field;
  if (field === undefined || value === null) return false;
  return field === 'metadata' ? typeof value === 'string' : alsoOthers.has(field) && typeof value === 'object';
}

/** Whether a form has a list or an object (`status[0]`) where JSON could not have one either. */
function isPartOfField(names: FieldNames, name: string): boolean {
  const [, whole] = /^([^[]+)\[/.exec(name) ?? [];
  const field = whole === undefined ? undefined : findField(names, whole)?.field;
  if (whole === undefined || field === undefined || field === 'metadata' || alsoOthers.has(field)) return false;
  return findField(names, name) === undefined && !hasPathWithin(names, whole);
}

/** A stored postback, read again by these settings from the raw bytes and headers of its inbox event. */
export function normalizeStoredPostback(
  stored: { raw: Buffer; headers: Record<string, string> },
  settings: PostbackSettings,
  context: PostbackContext,
): Normalized {
  const compiled = compileSettings(settings);
  const body = stored.headers['method'] === 'POST' ? stored.raw : null;
  const message = readMessage(
    {
      url: stored.headers['url'] ?? (body ? '' : stored.raw.toString('utf8')),
      body: body ?? Buffer.alloc(0),
      contentType: stored.headers['content-type'],
    },
    compiled.names,
  );
  return normalizePostback(message.pairs, compiled, context);
}
