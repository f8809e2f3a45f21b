import { AppError } from '../../domain/errors.ts';
import { encodeComponent } from '../../domain/byte-text.ts';
import type { PostbackSource } from '../../program/sources.ts';
import { findField, fieldSpellings, type ConversionField, type FieldNames } from '../fields/names.ts';
import type { InboxMessage } from '../inbox/inbox.ts';
import type { TestSubject } from '../test-subject.ts';
import { readMessage } from './message.ts';
import { KEYLESS_HEADER, normalizePostback } from './normalize.ts';
import { findPreset } from './presets.ts';
import { compileSettings } from './settings.ts';

/**
 * A postback of an order of 10.00 in the names of the source, read as one that came by its URL. Throws CONFLICT where the source
 * has no plain name for what it must say, VALIDATION_ERROR where it would refuse the postback.
 */
export function toPostbackTest(source: PostbackSource, { id, clickId, email, at }: TestSubject): InboxMessage {
  const { settings } = source;
  const compiled = compileSettings(settings);
  const nameOf = (field: ConversionField): string => findName(compiled.names, listOwnNames(source), field);
  const isSale = compiled.purpose === 'primary';
  const given: [ConversionField, string | null][] = [
    ['clickId', clickId],
    ['orderId', isSale ? `test-${id}` : null],
    ['amount', isSale ? '10.00' : null],
    ['customerEmail', clickId === null || !isSale ? email : null],
    ['goal', isSale || settings.eventType !== null ? null : 'lead'],
  ];
  const query = given.flatMap(([field, value]) =>
    value === null ? [] : [`${encodeComponent(nameOf(field))}=${encodeComponent(value)}`],
  );
  const url = `/pb/${source.id}?${query.join('&')}`;
  const message = readMessage({ url, body: Buffer.alloc(0), contentType: undefined }, compiled.names);
  return {
    programId: source.programId,
    sourceId: source.id,
    kind: 'postback',
    raw: message.raw,
    headers: compiled.requireKey ? {} : { [KEYLESS_HEADER]: 'true' },
    normalized: normalizePostback(message.pairs, compiled, {
      livemode: false,
      receivedAt: at,
      orderScope: source.orderScope === 'source' ? source.id : null,
      keyless: compiled.requireKey ? null : source.id,
    }),
    receivedAt: at,
  };
}

function listOwnNames({ settings }: PostbackSource): string[] {
  return Object.keys({ ...findPreset(settings.preset)?.fields, ...settings.fields });
}

/** The source's own name for a field, else the usual one; not one that leads to a value within another. */
function findName(names: FieldNames, own: readonly string[], field: ConversionField): string {
  const means = (name: string): boolean => {
    const meant = findField(names, name);
    return meant?.field === field && meant.rank === 0;
  };
  const name = [...own, ...fieldSpellings[field]].find((each) => !/[.[\]]/.test(each) && means(each));
  if (name !== undefined) return name;
  throw new AppError(
    'CONFLICT',
    `This source has no plain name for ${fieldSpellings[field][0]}: its own senders write it within another field. ` +
      'Send a test from there',
  );
}
