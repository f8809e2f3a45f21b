import { isIdMacro } from '../../domain/unreplaced-macros.ts';
import { findTokenProblem } from './date-format.ts';
import { parseTemplate, postbackMacros, type MacroName, type PostbackTemplate } from './postback-template.ts';

/** What other systems call what is ours, for the words of a refusal alone. */
const otherNames: Record<string, MacroName> = {
  clickid: 'click_id',
  cid: 'click_id',
  subid: 'click_id',
  external_id: 'click_id',
  revenue: 'payout',
  sum: 'payout',
  conversion_payout: 'payout',
  tid: 'txid',
  transaction_id: 'txid',
  order_id: 'txid',
  event: 'goal',
};

const ours = Object.keys(postbackMacros);
const names = [...ours, ...Object.keys(otherNames)].join('|');

/** `${x}`, `#{x}`, `%{x}`, `{{x}}`, `%7Bx%7D`: the braces of others around what may be a macro of ours. */
const foreignBraces = /[$#%]\{\s*[a-z]\w*[^{}]*\}|\{\{+\s*[a-z]\w*[^{}]*\}\}+|%(?:25)*7b\s*[a-z]\w*\s*%(?:25)*7d/i;

/** A name that we know, between the marks of others, also within a longer text. */
const foreignMarks = new RegExp(
  String.raw`(?:\[\[?|%%|##?|!!!|@@|__|\*\||<<<|<|\$\$?)(?:${names})(?:\]\]?|%%|##?|!!!|@@|__|\|\*|>>>|>|\$\$?)`,
  'i',
);

const escapedAmpersand = /&(?:amp|#0*38|#x0*26);/i;

/**
 * Why a template would tell the tracker something else than was meant, or null: it is written as other systems write
 * theirs, so that it would go out as it stands. `kind`: in the text of a document an escaped ampersand is right.
 */
export function findSpellingProblem(text: string, kind: 'url' | 'form' | 'document'): string | null {
  // Tags of a document are no marks of anybody.
  const untagged = kind === 'document' ? text.replaceAll(/[<>]/g, ' ') : plainOf(text);
  const foreign = foreignBraces.exec(untagged)?.[0] ?? foreignMarks.exec(untagged)?.[0];
  if (foreign !== undefined) return describeForeign(foreign);
  if (kind !== 'document' && escapedAmpersand.test(text)) return 'has &amp; where it must have & alone';
  const parsed = parseTemplate(untagged);
  if (!parsed.ok) return parsed.problem;
  const piece = piecesOf(parsed.template).find((each) => isIdMacro(each) && !isUnfilled(each));
  return piece === undefined ? findTokens(parsed.template) : describeForeign(piece);
}

/** Without what is in brackets in the names of parameters (`filter[status]=`), and without what HTML made of marks. */
function plainOf(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll(/((?:^|[?&;])[\w.%-]+)(?:\[[\w.-]*\])+(?==)/g, '$1');
}

/** Why a template that may be looked at cannot be set, or null: a word in it stands for what the account has. */
export function findUnfilledWord(text: string): string | null {
  const parsed = parseTemplate(text);
  const word = parsed.ok ? piecesOf(parsed.template).find(isUnfilled) : undefined;
  return word === undefined ? null : `has ${word.slice(0, 100)}, which stands for what your account at the tracker has`;
}

/** As the ready templates have them: YOUR_KEY, YOUR-DOMAIN.example. */
function isUnfilled(piece: string): boolean {
  return /^YOUR(?:_[A-Z0-9_]+|-DOMAIN\b.*)$/.test(piece);
}

/** Values and pieces of the path, but for those with macros of ours: what is around one is meant so. */
function piecesOf({ parts }: PostbackTemplate): string[] {
  const text = parts.map((part) => (typeof part === 'string' ? part : '\0')).join('');
  const pieces = text.split(/[&;=?/#"\s]|%(?:3d|26|2f)/i);
  // Encoded JSON has braces of its own.
  return pieces.filter((piece) => !/[{}\0]|^%7b(?:%20)*%22/i.test(piece));
}

function describeForeign(found: string): string {
  const [name = ''] = /[a-z]\w*[a-z0-9]/i.exec(found.replace(/^%(?:25)*7b/i, '')) ?? [];
  const folded = name.toLowerCase().replaceAll(/^_+|_+$/g, '');
  const known = ours.includes(folded) ? folded : otherNames[folded];
  const shown = found.slice(0, 100);
  return known === undefined
    ? `has '${shown}', which would go out as it stands: put a value, or a macro as in {click_id}`
    : `has '${shown}', which is how another system writes it: write {${known}}`;
}

function findTokens({ parts }: PostbackTemplate): string | null {
  for (const part of parts) {
    if (typeof part === 'string' || part.name !== 'date' || part.argument === null) continue;
    const problem = findTokenProblem(part.argument);
    if (problem) return `has {date:${part.argument}}, which ${problem}`;
  }
  return null;
}
