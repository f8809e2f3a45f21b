import { fillMacros } from '../domain/destinations.ts';
import type { LinkTarget } from '../program/link-targets.ts';
import type { LinkTag } from './link-tags.ts';

/** What of a visit stands in the address that it is led on to. */
export interface Handover {
  /** Null where nothing was recorded. */
  clickId: string | null;
  /** Null where the visit is nobody's. */
  affiliateId: string | null;
}

/**
 * The destination with `click_id`, `ref` (affiliate id) and `aff_sess` (the click id again) appended, and the visitor's
 * tags; macros in it are filled in. What it has of query and fragment stays as it is, character by character: a URL parser
 * would rewrite it, and shops depend on theirs. Our three replace parameters of the same names; tags do not. Without a click
 * there are none of ours, or `ref` alone.
 */
export function buildDestination(
  target: Pick<LinkTarget, 'destinationUrl' | 'referralCode' | 'offerId'>,
  { clickId, affiliateId }: Handover,
  tags: readonly LinkTag[],
): string {
  const url = fillMacros(target.destinationUrl, {
    ...Object.fromEntries(tags.map(({ name, pair }) => [name, encodeValue(pair.slice(pair.indexOf('=') + 1))])),
    click_id: clickId ?? '',
    affiliate_id: affiliateId === null ? '' : encodeURIComponent(affiliateId),
    referral_code: affiliateId === null ? '' : encodeURIComponent(target.referralCode),
    offer_id: encodeURIComponent(target.offerId),
  });
  const [beforeFragment = '', ...fragments] = url.split('#');
  const [base = '', ...queries] = beforeFragment.split('?');
  const existing = queries.join('?').split('&').filter(Boolean);
  const ours = new Map<string, string>();
  if (clickId !== null) ours.set('click_id', clickId);
  if (affiliateId !== null) ours.set('ref', affiliateId);
  if (clickId !== null) ours.set('aff_sess', clickId);
  const kept = existing.filter((pair) => !ours.has(nameOf(pair)));
  const names = new Set(kept.map(nameOf));
  const added = [
    ...[...ours].map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
    ...tags.filter(({ name }) => !names.has(name)).map(({ pair }) => pair),
  ];
  const fragment = fragments.length > 0 ? `#${fragments.join('#')}` : '';
  const query = [...kept.map(toAscii), ...added].join('&');
  return `${toAscii(base)}${query === '' ? '' : `?${query}`}${toAscii(fragment)}`;
}

/** A value of a query as it may stand anywhere in an address: what is encoded stays so, byte by byte. */
function encodeValue(raw: string): string {
  return raw
    .replaceAll('+', '%20')
    .replaceAll(/%(?![0-9a-f]{2})/gi, '%25')
    .replaceAll(/[^\w%.~-]/g, encodeURIComponent);
}

function nameOf(pair: string): string {
  const name = pair.split('=')[0] ?? '';
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

/** A header carries ASCII only: other characters are percent-encoded, what is encoded already is left. */
function toAscii(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(part.toWellFormed()));
}
