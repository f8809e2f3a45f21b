import { formatMajorAmount } from '../../domain/money.ts';
import type { StoredRequest } from '../wire/lease.ts';
import {
  parseTemplate,
  renderTemplate,
  renderUrl,
  type Encoding,
  type PostbackTemplate,
  type PostbackValues,
} from './postback-template.ts';
import { findSpellingProblem } from './template-spellings.ts';

/** Where a postback goes, with templates for its URL and body. */
export interface PostbackTarget {
  method: 'GET' | 'POST';
  url: string;
  bodyTemplate: string | null;
}

/** The conversion that a postback tells of, as it is when the postback is fired. */
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
  /** Its text changes with the commission's status or amount, so it is fired again when they change. */
  followsChanges: boolean;
}

/** Null where a template cannot be parsed. Creation refuses those, so such a row was written by something else. */
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
    url: renderUrl(target.url, values),
    body: target.body === null ? null : renderTemplate(target.body, values, target.bodyEncoding),
  };
}

/**
 * Why a URL template cannot be used, or null: an unknown macro, a macro in its host, one in the spelling of another system,
 * or a brace outside a macro. A URL has no bare braces, so `{sub-1}` or `{click_id` are mistakes, which would reach the
 * tracker unchanged.
 */
export function findTemplateProblem(template: string): string | null {
  const spelling = findSpellingProblem(template, 'url');
  if (spelling) return spelling;
  const parsed = parseTemplate(template);
  if (!parsed.ok) return parsed.problem;
  const text = textOf(parsed.template).join('');
  if (/[{}]/.test(text)) {
    return 'has a brace outside a macro: macros are written as in {click_id}, a brace itself as %7B or %7D';
  }
  if (/\s/.test(text)) return 'has a space outside a macro: write %20';
  if (text.includes('#')) return 'has a fragment (#), which is never sent: a # itself is written as %23';
  return /^https?:\/\/[^/?#{}]+([/?#]|$)/i.test(template)
    ? null
    : 'must name its host without macros, as in https://tracker.example/postback?cid={click_id}';
}

/**
 * Why a body template cannot be used, or null. Bodies may have braces of their own, but not around what looks like a
 * macro.
 */
export function findBodyTemplateProblem(template: string): string | null {
  const spelling = findSpellingProblem(template, /^\s*[{[<]/.test(template) ? 'document' : 'form');
  if (spelling) return spelling;
  const parsed = parseTemplate(template);
  if (!parsed.ok) return parsed.problem;
  for (const text of textOf(parsed.template)) {
    const lookalike = /\{\s*[A-Za-z][^{}"]*\}/.exec(text);
    if (lookalike) return `has an unknown macro ${lookalike[0].slice(0, 100)}`;
  }
  return null;
}

/** The text between the macros. */
function textOf({ parts }: PostbackTemplate): string[] {
  return parts.filter((part) => typeof part === 'string');
}

/** The template with sample values in place of its macros, for the address guard to check. */
export function fillWithSamples(template: string): string {
  const parsed = parseTemplate(template);
  return parsed.ok ? renderUrl(parsed.template, sampleValues) : template;
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

/** Trackers call their statuses lead, hold, sale and rejected; a value map may use those words as well as ours. */
function listStatusWords({ status, kind }: PostbackSubject): string[] {
  if (status === 'rejected' || status === 'reversed') return ['rejected'];
  if (kind === 'lead') return ['lead'];
  return status === 'pending' ? ['hold', 'sale'] : ['sale'];
}

/** Stands in for a conversion in dry runs, tests and checks of a URL. */
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
