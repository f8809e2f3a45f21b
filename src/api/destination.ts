import { encodeComponent } from '../domain/byte-text.ts';

/**
 * The destination with `click_id`, `ref` (affiliate id) and `aff_sess` (the click id again) appended, and the visitor's
 * tags. What it has of query and fragment stays as it is, character by character: a URL parser would rewrite it, and shops
 * depend on theirs. Our three replace parameters of the same names; tags do not. Without a click there are none of ours.
 */
export function buildDestination(
  url: string,
  click: { id: string; affiliateId: string } | null,
  tags: readonly (readonly [string, string])[],
): string {
  const [beforeFragment = '', ...fragments] = url.split('#');
  const [base = '', ...queries] = beforeFragment.split('?');
  const existing = queries.join('?').split('&').filter(Boolean);
  const ours = new Map(
    click
      ? [
          ['click_id', click.id],
          ['ref', click.affiliateId],
          ['aff_sess', click.id],
        ]
      : [],
  );
  const kept = existing.filter((pair) => !ours.has(nameOf(pair)));
  const names = new Set(kept.map(nameOf));
  const added = [...ours, ...tags.filter(([name]) => !names.has(name))].map(
    ([name, value]) => `${encodeComponent(name)}=${encodeComponent(value)}`,
  );
  const fragment = fragments.length > 0 ? `#${fragments.join('#')}` : '';
  const query = [...kept.map(toAscii), ...added].join('&');
  return `${toAscii(base)}${query === '' ? '' : `?${query}`}${toAscii(fragment)}`;
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
