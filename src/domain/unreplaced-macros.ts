import { decodeComponent } from './byte-text.ts';

/** Longer texts are refused for their length. */
const MAX_LENGTH = 255;

/** Windows writes a GUID in braces, and so do the systems that are made of it: a value. */
const bracedGuid = /\{([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})\}/gi;

/** What each of the forms has somewhere: most texts are told by it (measured: a twentieth of what a postback costs). */
const anyMark = /[{}[#<%!*@$&]|__|^(?:REPLACE|OPTIONAL|YOUR_)/;
const anyIdMark = new RegExp(`${anyMark.source}|^(?:your|replace|change|insert)`, 'i');

const forms: readonly RegExp[] = [
  // {x}, {{x}}, ${x}, {% x %}, anywhere in the text
  /\{[^{}]*\}/,
  // [X], [[X]], #x#, <x>, <<<x>>>, %X%, __X__
  /^(?:\[\[?[^[\]]*\]\]?|#[^#]*#|<+[^<>]*>+|%[A-Za-z_][\w.-]*%{0,2}|__[A-Z0-9_]+__)$/,
  // %%X%%, ##X##, !!!X!!!, *|X|*, @@x@@, $X$, $$X$$
  /^(?:%%[^%]+%%|##[^#]+##|!!!?[\w.-]+!!!?|\*\|[^|]*\|\*|@@[\w.-]+@@|\$\$?[A-Za-z_][\w.-]*\$\$?)$/,
  // One of these that was cut off, as by a field that is too short.
  /^(?:(?:[$#%@]?\{\{?|\[\[|%%|##|!!!?|@@|<<+|\*\|)[A-Za-z_][\w. -]*[}\]%#!@>|]{0,2}|\{\{|[\w. -]*\}\})$/,
  /^(?:REPLACE(?:_.*)?|OPTIONAL|YOUR_[A-Z0-9_]+)$/,
];

/** Texts that are macros as ids, and may be codes or words that somebody chose. */
const idForms: readonly RegExp[] = [
  /^\$[A-Za-z_][\w.>-]*$/,
  // Cut off, or with something around it: an id that holds it would be everybody's.
  /^[[<][A-Za-z_][\w. -]*$/,
  /%%[\w.-]+%%|!!![\w.-]+!!!|\*\|[\w.-]+\|\*|@@[\w.-]+@@|<<<[\w.-]+>>>|\[\[[\w.-]+\]\]/,
  /^(?:your[_-][a-z_-]+|replace[_-]?me|change[_-]?me|insert[_-].*[_-]here)$/i,
];

/** Whether a text is a placeholder that the sender's tracker should have replaced by a value, percent-encoded or not. */
export function isMacro(text: string): boolean {
  return text.length <= MAX_LENGTH && anyMark.test(text) && isOf(forms, text);
}

/** The same of the id of an order or click, which nobody chooses to be called `your_order_id`. */
export function isIdMacro(text: string): boolean {
  if (text.length > MAX_LENGTH || !anyIdMark.test(text)) return false;
  return isMacro(text) || isOf(idForms, text);
}

function isOf(expressions: readonly RegExp[], text: string): boolean {
  const decoded = /%[0-9a-f]{2}/i.test(text) ? decodeComponent(text) : text;
  const plain = decoded.replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  return [text, plain].some((each) => {
    const withoutGuids = each.replaceAll(bracedGuid, '$1');
    return expressions.some((expression) => expression.test(withoutGuids));
  });
}
