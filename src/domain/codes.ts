// What people type, paste and read out: referral codes, coupons, codes of offers and links. Two codes that look the same
// must be the same, or whoever makes the second takes what was meant for the first.

/** What cannot be seen: zero-width spaces and joiners, soft hyphens, byte order marks, fillers, marks of direction. */
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/gu;

const plain = /^[\x21-\x7e]*$/;

/** A code without what cannot be seen: pages and messengers put it into what people copy. */
export function stripInvisible(code: string): string {
  return plain.test(code) ? code : code.replaceAll(invisible, '');
}

/**
 * What a code may have been before it was copied out of a mail, a chat or a spreadsheet, in the order in which to look: as
 * it is, without what cannot be seen, and without what stood around it. At most three.
 */
export function pastedForms(code: string): string[] {
  const seen = stripInvisible(code);
  return [...new Set([code, seen, stripAround(seen)])].filter((form) => form !== '');
}

/** Spaces, brackets, quotes and the signs that end a sentence; a link's own code has none of them at its ends. */
function stripAround(text: string): string {
  return text.replaceAll(/^[\s\p{Ps}\p{Pi}"'\x60<*_|/\\]+|[\s\p{Pe}\p{Pf}"'\x60>*_|/\\.,;:!?…]+$/gu, '');
}

/**
 * The form in which codes are stored and compared: without what cannot be seen, in the compatible letters (of full width,
 * in circles, joined), trimmed, in lower case.
 */
export function foldCode(code: string): string {
  return plain.test(code) ? code.toLowerCase() : stripInvisible(code).normalize('NFKC').trim().toLowerCase();
}

/** Why nobody may make such a code, or null: it has something that cannot be seen, or looks like another code. */
export function findCodeProblem(code: string): string | null {
  if (plain.test(code)) return null;
  if (stripInvisible(code) !== code || /\p{Cc}/u.test(code)) return 'must not contain characters that cannot be seen';
  if (code.normalize('NFC') !== code.normalize('NFKC')) return 'must be written in ordinary letters and digits';
  if (/[\p{Pd}\u2212\u2044]/u.test(code.replaceAll('-', ''))) return 'must be written with ordinary hyphens';
  const composed = code.normalize('NFC');
  if (latinTwins.test(composed) || /[\u0334-\u0338]/u.test(composed))
    return 'must be written in ordinary letters and digits';
  const letters = composed.match(/\p{L}/gu) ?? [];
  const isLatin = letters.some((letter) => latin.test(letter));
  if (isLatin && /(?![0-9])\p{Nd}/u.test(composed)) return 'must be written in ordinary letters and digits';
  if (isLatin && !letters.every((letter) => besideLatin.test(letter)))
    return 'must not mix letters of alphabets that look alike';
  const scripts = similarScripts.filter((script) => letters.some((letter) => script.test(letter)));
  if (scripts.length > 1) return 'must not mix letters of alphabets that look alike';
  const isWholly =
    letters.length > 0 &&
    !isLatin &&
    letters.every((letter) => likeLatin.has(letter.toLowerCase()) || whollyLikeLatin.test(letter));
  return isWholly ? 'looks like a code in Latin letters: use those' : null;
}

const latin = /\p{Script=Latin}/u;

/** What Latin letters are mixed with in everyday writing ("highly restrictive" of unicode.org/reports/tr39, read 2026-11). */
const besideLatin =
  /[\p{Script=Latin}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}\p{Script=Common}]/u;

/** Letters of phonetics and old capitals, which look like ordinary Latin ones, and clicks, which look like signs. */
const latinTwins =
  /[\u0251\u0261\u0262\u0269\u026a\u0274\u0280\u028f\u0299\u029c\u029f\u01c0-\u01c3\u1d00-\u1d7f\ua730\ua731]/u;

/** Alphabets whose letters are mostly like Latin capitals. */
const whollyLikeLatin = /[\p{Script=Lisu}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Deseret}]/u;

/** Alphabets with letters that cannot be told from each other's (unicode.org/reports/tr39, read 2026-11). */
const similarScripts = [
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Lisu}/u,
  /\p{Script=Deseret}/u,
];

/** Cyrillic, Greek and Armenian letters that are like Latin ones, small or capital; in lower case. */
const likeLatin = new Set(Array.from('авекмнорстухѕіјһԁԛԝүёαβεζηικμνορτυχγϲϳօոսհզցյ'));
