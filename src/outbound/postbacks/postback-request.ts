import { formatMajorAmount } from '../../domain/money.ts';
import type { StoredRequest } from '../wire/lease.ts';
import {
  parseTemplate,
  renderTemplate,
  type Encoding,
  type PostbackTemplate,
  type PostbackValues,
} from './postback-template.ts';

/** A destination of postbacks: where, how, and with what. */
export interface PostbackTarget {
  method: 'GET' | 'POST';
  url: string;
  bodyTemplate: string | null;
}

/** What is known of a conversion when a postback about it is fired. */
export interface PostbackSubject {
  programId: string;
  conversionId: string;
  kind: string | null;
  status: string;
  netMinor: bigint;
  currency: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  orderId: string | null;
  goal: string | null;
  occurredAt: Date;
  /** sub1 to sub5 of the click; sub1 may have come with the conversion itself. */
  subs: readonly (string | null)[];
}

export interface CompiledTarget {
  method: 'GET' | 'POST';
  url: PostbackTemplate;
  body: PostbackTemplate | null;
  bodyEncoding: Encoding;
  usesStatus: boolean;
  /** What it says changes when the commission's status or amount does. */
  followsChanges: boolean;
}

/** Null where a stored template cannot be read: it was refused at creation, so it came another way. */
export function compileTarget(target: PostbackTarget): CompiledTarget | null {
  const url = parseTemplate(target.url);
  const body = target.bodyTemplate === null ? null : parseTemplate(target.bodyTemplate);
  if (!url.ok || body?.ok === false) return null;
  const macros = new Set([...url.template.macros, ...(body?.template.macros ?? [])]);
  return {
    method: target.method,
    url: url.template,
    body: body?.template ?? null,
    bodyEncoding: /^\s*[{[]/.test(target.bodyTemplate ?? '') ? 'json' : 'url',
    usesStatus: macros.has('status'),
    followsChanges: macros.has('status') || macros.has('payout'),
  };
}

export function renderRequest(target: CompiledTarget, subject: PostbackSubject): StoredRequest {
  const values = collectValues(subject);
  return {
    method: target.method,
    url: renderTemplate(target.url, values, 'url'),
    body: target.body === null ? null : renderTemplate(target.body, values, target.bodyEncoding),
  };
}

/**
 * Why a URL template is none, or null: macros it does not know, a host that is not fixed, or a brace outside a macro. No
 * URL has a bare one, so `{sub-1}`, `{{click_id}}` or `{click_id` would reach the tracker as they stand.
 */
export function findTemplateProblem(template: string): string | null {
  const parsed = parseTemplate(template);
  if (!parsed.ok) return parsed.problem;
  if (textOf(parsed.template).some((text) => /[{}]/.test(text))) {
    return 'has a brace outside a macro: macros are written as in {click_id}, a brace itself as %7B or %7D';
  }
  return /^https?:\/\/[^/?#{}]+([/?#]|$)/i.test(template)
    ? null
    : 'must name its host without macros, as in https://tracker.example/postback?cid={click_id}';
}

/** Why a body template is none, or null. Bodies may have braces of their own, but not around what looks like a macro. */
export function findBodyTemplateProblem(template: string): string | null {
  const parsed = parseTemplate(template);
  if (!parsed.ok) return parsed.problem;
  for (const text of textOf(parsed.template)) {
    const lookalike = /\{[A-Za-z][^{}"]*\}/.exec(text);
    if (lookalike) return `has an unknown macro ${lookalike[0].slice(0, 100)}`;
  }
  return null;
}

/** What stands between the macros. */
function textOf({ parts }: PostbackTemplate): string[] {
  return parts.filter((part) => typeof part === 'string');
}

/** The template with something harmless in each place, to ask the address guard about. */
export function fillWithSamples(template: string): string {
  const parsed = parseTemplate(template);
  return parsed.ok ? renderTemplate(parsed.template, sampleValues, 'url') : template;
}

function collectValues(subject: PostbackSubject): PostbackValues {
  const [sub1, sub2, sub3, sub4, sub5] = subject.subs.map((sub) => sub ?? '');
  return {
    click_id: sub1 || (subject.clickId ?? ''),
    payout: subject.commissionCurrency ? formatMajorAmount(subject.commissionMinor, subject.commissionCurrency) : '',
    amount: subject.currency ? formatMajorAmount(subject.netMinor, subject.currency) : '',
    currency: subject.commissionCurrency ?? subject.currency ?? '',
    txid: subject.orderId ?? subject.conversionId,
    conversion_id: subject.conversionId,
    status: subject.status,
    goal: subject.goal ?? '',
    offer_id: subject.offerId ?? '',
    affiliate_id: subject.affiliateId ?? '',
    sub1: sub1 ?? '',
    sub2: sub2 ?? '',
    sub3: sub3 ?? '',
    sub4: sub4 ?? '',
    sub5: sub5 ?? '',
    occurredAt: subject.occurredAt,
    statusWords: listStatusWords(subject),
  };
}

/** Trackers speak of lead, hold, sale and rejected; a map may use those words as well as our own. */
function listStatusWords({ status, kind }: PostbackSubject): string[] {
  if (status === 'rejected' || status === 'reversed') return ['rejected'];
  if (kind === 'lead') return ['lead'];
  return status === 'pending' ? ['hold', 'sale'] : ['sale'];
}

/** The conversion that dry runs without one show. */
export const sampleSubject: PostbackSubject = {
  programId: '',
  conversionId: 'cnv_01a1f8c4d18770008000000000000001',
  kind: 'sale',
  status: 'approved',
  netMinor: 4900n,
  currency: 'EUR',
  commissionMinor: 980n,
  commissionCurrency: 'EUR',
  affiliateId: 'aff_01a1f8c4d18770008000000000000002',
  offerId: 'off_01a1f8c4d18770008000000000000003',
  clickId: 'clk_01a1f8c4d18770008000000000000005',
  orderId: 'ORDER-98765',
  goal: 'purchase',
  occurredAt: new Date('2026-11-20T10:15:00.000Z'),
  subs: ['w7f3k2', 'banner-a', null, null, null],
};

export const sampleValues: PostbackValues = collectValues(sampleSubject);
