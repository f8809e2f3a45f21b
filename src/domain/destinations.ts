import { hasDotSegment } from './dot-segments.ts';

/**
 * Where links lead: an address of a shop, which may hold macros for what is known of the visit. It is kept as it was typed,
 * character by character; only what browsers would read otherwise is refused.
 */

/** What a destination can say of a visit, by macro name. What a visit does not have is an empty text. */
export const destinationMacros = {
  click_id: 'the click',
  affiliate_id: 'the affiliate',
  referral_code: 'the referral code of the affiliate',
  offer_id: 'the offer',
  sub1: 'sub1 of the link',
  sub2: 'sub2 of the link',
  sub3: 'sub3 of the link',
  sub4: 'sub4 of the link',
  sub5: 'sub5 of the link',
} as const;

export type DestinationMacro = keyof typeof destinationMacros;

const macroNames = Object.keys(destinationMacros);

/** `{click_id}`, also with the braces as an address bar copies them. */
const macro = /(?:\{|%7B)\s*([a-z]\w*)\s*(?:\}|%7D)/gi;

/** How other systems write a macro of ours, or one that was cut off: it would come out as it stands, or with signs around it. */
const foreign = new RegExp(
  `(?:[{$]|=#)\\{\\s*(${macroNames.join('|')})\\s*\\}|(?<!\\{\\s*)\\b(${macroNames.join('|')})\\s*\\}|\\{\\s*(${macroNames.join('|')})\\b(?!\\s*\\})|(?<=[=/])(?:\\[|%%|!!!|[#$<])(${macroNames.join('|')})(?:\\]|%%|!!!|[#$>])`,
  'i',
);

/** An http or https address as a browser reads it, too: parsers mend `https:/x`, which a browser takes for a path. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s/\\?#]/i.test(text) && !/^[^?#]*\\/.test(text) && (URL.parse(text)?.hostname ?? '') !== '';
}

/** Line breaks and other control characters, and what came along from a page: browsers drop some and send others. */
const unseen = /[\p{Cc}\u00ad\u200b\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** Why an address is refused, or null. */
export function findUrlProblem(text: string): string | null {
  if (unseen.test(text)) return 'must not contain control characters, or others that cannot be seen';
  return isHttpUrl(text) ? null : 'must be an http or https URL, such as https://shop.example.com/welcome';
}

/** Why links cannot lead there, or null. */
export function findDestinationProblem(text: string): string | null {
  const problem = findUrlProblem(text);
  if (problem !== null) return problem;
  const [, ...spelt] = foreign.exec(text.replaceAll(/%7b/gi, '{').replaceAll(/%7d/gi, '}')) ?? [];
  const known = spelt.find((name) => name !== undefined);
  if (known !== undefined) return `has a macro in a spelling that is not ours: write {${known.toLowerCase()}}`;
  for (const [whole, name = ''] of text.matchAll(macro)) {
    if (isMacro(name) || !whole.startsWith('{')) continue;
    return `has an unknown macro ${whole}: there are ${macroNames.map((each) => `{${each}}`).join(', ')}`;
  }
  // Whoever makes up a value would choose the host.
  const [host = ''] = /^[^/]*\/\/[^/?#]*/.exec(text) ?? [];
  return host.match(macro) === null ? null : 'must not hold macros before its path';
}

function isMacro(name: string): name is DestinationMacro {
  return Object.hasOwn(destinationMacros, name.toLowerCase());
}

/**
 * Puts values, percent-encoded already, in place of macros, in path, query and fragment. In the path a value that would lead
 * to another folder (`..`) is left out: visitors choose what is in sub1. An unknown macro stays as it stands.
 */
export function fillMacros(url: string, values: { readonly [M in DestinationMacro]?: string | undefined }): string {
  if (!/\{|%7B/i.test(url)) return url;
  const pathEnd = url.search(/[?#]/);
  return url.replaceAll(macro, (whole: string, name: string, at: number) => {
    if (!isMacro(name)) return whole;
    const value = values[name.toLowerCase() as DestinationMacro] ?? '';
    return (pathEnd === -1 || at < pathEnd) && hasDotSegment(value) ? '' : value;
  });
}

/**
 * An address from before such were refused, as its parser understood it; and a host of other letters in the form that every
 * client knows (`xn--…`). All else stays as it was typed.
 */
export function mendDestination(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return url;
  if (!isHttpUrl(url) || unseen.test(url)) return parsed.href;
  return url.replace(/^(https?:\/\/(?:[^/?#]*@)?)([^/?#]*)/i, (whole, start: string, host: string) =>
    /^[\x21-\x7e]*$/.test(host) ? whole : start + parsed.host,
  );
}
