import type { Evidence, Fact } from '../../domain/facts.ts';
import { parseJsonBytes } from '../../domain/json-text.ts';
import type { Source } from '../../program/sources.ts';
import { hintAtMisspelt } from '../../inbound/fields/misspelt.ts';
import { defaultFieldNames, findField, type FieldNames } from '../../inbound/fields/names.ts';
import { readMessage } from '../../inbound/postback/message.ts';
import { compileSettings } from '../../inbound/postback/settings.ts';
import { SURFACE_HEADER, type StoredMessage } from '../renormalize.ts';
import { tellFact, wholeNames } from '../tell-facts.ts';

/** One thing that a message says: our field, the name under which the sender sent it, and the value. */
export interface Understood {
  field: string;
  /** Null: it was read from the sender's document as a whole. */
  name: string | null;
  value: string;
}

export interface Reading {
  understood: Understood[];
  /** A sentence about names that were probably misspelt; '' where there are none. */
  hint: string;
}

const MAX_FIELDS = 60;
const MAX_VALUE = 300;

/** How a stored message was understood, field by field, ours from theirs. Never throws. */
export function readUnderstood(message: StoredMessage, source: Source | null): Reading {
  const sent = readSent(message, source);
  if (sent === null) return { understood: tellFacts(message.facts, message.kind).slice(0, MAX_FIELDS), hint: '' };
  const understood = sent.pairs.flatMap(([name, value]): Understood[] => {
    const field = findField(sent.names, name)?.field;
    const text = toText(value);
    return field === undefined || field === 'secure' || text === '' ? [] : [{ field, name, value: text }];
  });
  const hint = hintAtMisspelt(
    sent.pairs.map(([name]) => name),
    sent.names,
  );
  return { understood: understood.slice(0, MAX_FIELDS), hint: hint.trim() };
}

interface Sent {
  pairs: (readonly [name: string, value: unknown])[];
  names: FieldNames;
}

/** Null: a document of a provider or of another surface, which only its own reader can read. */
function readSent({ kind, raw, headers }: StoredMessage, source: Source | null): Sent | null {
  if (headers[SURFACE_HEADER] !== undefined) return null;
  try {
    if (kind === 'conversion' || kind === 'event') {
      const body: unknown = parseJsonBytes(raw);
      if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
      return { pairs: Object.entries(body), names: defaultFieldNames };
    }
    if (kind !== 'postback' || source?.kind !== 'postback') return null;
    const { names } = compileSettings(source.settings);
    const body = headers['method'] === 'POST' ? raw : null;
    const url = headers['url'] ?? (body ? '' : raw.toString('utf8'));
    const request = { url, body: body ?? Buffer.alloc(0), contentType: headers['content-type'] };
    return { pairs: readMessage(request, names).pairs, names };
  } catch {
    return null;
  }
}

/** Where providers state the evidence of who referred an order. */
const evidenceNames: Readonly<Record<string, Readonly<Partial<Record<keyof Evidence, string>>>>> = {
  stripe: {
    affiliate: 'metadata.affiliate_id',
    clickId: 'metadata.click_id',
    couponCode: 'metadata.coupon_code',
    reference: 'client_reference_id',
    discounts: 'discounts',
  },
  revenuecat: {
    affiliate: 'subscriber_attributes.affiliate_id',
    clickId: 'subscriber_attributes.click_id',
    couponCode: 'subscriber_attributes.coupon_code',
  },
};
const ownNames: Readonly<Partial<Record<keyof Evidence, string>>> = {
  affiliate: 'affiliate_id',
  clickId: 'click_id',
  referralCode: 'referral_code',
  couponCode: 'coupon_code',
};

/** What a sender of this kind calls each piece of evidence that it can state. */
export function evidenceNamesOf(kind: string): Readonly<Partial<Record<keyof Evidence, string>>> {
  return evidenceNames[kind] ?? ownNames;
}

function tellFacts(facts: readonly Fact[], kind: string): Understood[] {
  return facts.flatMap((fact): Understood[] => {
    const { customer, evidence } = fact;
    const named = Object.entries(evidence) as [keyof Evidence, string | string[]][];
    return [
      { field: 'fact', name: null, value: clip(tellFact(fact, {})) },
      ...(fact.refs.length > 0 ? [{ field: 'order', name: null, value: clip(wholeNames(fact.refs).join(', ')) }] : []),
      ...(customer && customer.refs.length > 0
        ? [{ field: 'customer', name: null, value: clip(customer.refs.join(', ')) }]
        : []),
      ...(customer?.email ? [{ field: 'customerEmail', name: null, value: clip(customer.email) }] : []),
      ...named.map(([field, value]) => ({
        field,
        name: evidenceNamesOf(kind)[field] ?? null,
        value: clip(typeof value === 'string' ? value : value.join(', ')),
      })),
    ];
  });
}

function toText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return clip(typeof value === 'string' ? value.trim() : (JSON.stringify(value) ?? ''));
}

function clip(text: string): string {
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}
