import { fieldSpellings, findField, foldName, type FieldNames } from './names.ts';
import { clip } from './problems.ts';

/** A name that a sender may have meant, and the one that they wrote. */
interface Misspelt {
  name: string;
  meant: string;
}

// Shorter names are near to too many others.
const SHORTEST = 6;
const MOST_LISTED = 3;

const spellings = Object.entries(fieldSpellings).flatMap(([field, names]) => (field === 'secure' ? [] : names));
const known = spellings
  .map((meant) => ({ meant, folded: foldName(meant) }))
  .filter(({ folded }) => folded.length >= SHORTEST);

/**
 * What names who referred an order, written otherwise: without its last word (`coupon`), or as links and metadata of Stripe
 * name it.
 */
const otherwise: ReadonlyMap<string, string> = new Map([
  ['click', 'click_id'],
  ['affiliate', 'affiliate_id'],
  ['referral', 'referral_code'],
  ['coupon', 'coupon_code'],
  ['ref', 'affiliate_id'],
  ['affsess', 'click_id'],
  ['affiliatesessionid', 'click_id'],
]);

/**
 * A sentence about names that are a letter or two away from a field (`refferal_code`), or half of one (`coupon`), for the
 * answer to a message that did not do what its sender may have wanted; '' where there are none. Senders add fields of their
 * own, so it is only a hint.
 */
export function hintAtMisspelt(names: Iterable<string>, fieldNames: FieldNames): string {
  const found: Misspelt[] = [];
  for (const name of names) {
    if (found.length === MOST_LISTED) break;
    const meant = findField(fieldNames, name) === undefined ? nearest(foldName(name)) : null;
    if (meant !== null) found.push({ name, meant });
  }
  return found.map(({ name, meant }) => ` '${clip(name)}' is no field: was ${meant} meant?`).join('');
}

function nearest(folded: string): string | null {
  const meant = otherwise.get(folded);
  if (meant !== undefined) return meant;
  if (folded.length < SHORTEST || folded.length > 40) return null;
  let best: { meant: string; distance: number } | null = null;
  for (const { meant, folded: spelling } of known) {
    const allowed = spelling.length < 9 ? 1 : 2;
    const distance = Math.abs(spelling.length - folded.length) > allowed ? Infinity : distanceOf(folded, spelling);
    if (distance <= allowed && distance < (best?.distance ?? Infinity)) best = { meant, distance };
  }
  return best?.meant ?? null;
}

/** How many letters were left out, added, exchanged or swapped with their neighbour. */
function distanceOf(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      const edits = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1)];
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) edits.push((beforeLast[j - 2] ?? 0) + 1);
      row.push(Math.min(...edits));
    }
    beforeLast = last;
    last = row;
  }
  return last[other.length] ?? 0;
}
