import { decodeComponent } from '../../domain/byte-text.ts';
import { validationError } from '../../domain/errors.ts';
import { findField, type ConversionField, type FieldNames } from '../fields/names.ts';
import { clip } from '../fields/problems.ts';

// A URL that went through HTML, XML or JSON on its way into a tracker has `&amp;`, `&#38;` or `\u0026` where it had `&`. The
// names behind such an ampersand are not read as what they are, so that a declined conversion would be paid.

/** What is left of the entity at the beginning of the next name, once the text was parted at its `&`. */
const entity = /^(?:(?:amp|#0*38|#x0*26);)+/i;
/** What else a name may have swallowed of what parts parameters: `&%26status=`, `&?status=`, `amp%26status`. */
const separators = /^(?:(?:amp|#0*38|#x0*26)?[&?;])+/i;
const entities = /&(?:(?:amp|#0*38|#x0*26);)+/gi;

/** Fields whose values are the sender's own text, or a URL that has ampersands of its own. */
const freeText: ReadonlySet<ConversionField> = new Set([
  'url',
  'metadata',
  'productId',
  'sub1',
  'sub2',
  'sub3',
  'sub4',
  'sub5',
  'secure',
]);

/**
 * Throws VALIDATION_ERROR where the ampersand before a name was escaped, or a value swallowed the parameters behind it, as when
 * a second `?` or a `;` was written for it. In whatever form the message is: gateways make JSON of what they misread.
 */
export function refuseEscapedAmpersand(name: string, value: string, names: FieldNames): void {
  // Nearly every pair is done with by these two looks.
  if (/^(?:amp|[#&?;])/i.test(name)) refuseName(name, names);
  if (/[&%\\?;]/.test(value)) refuseValue(name, value, names);
}

function refuseName(name: string, names: FieldNames): void {
  const rest = name.replace(entity, '');
  // Browsers and parsers of XML forgive an entity without its semicolon, and so do those who write one.
  if (rest !== name) refuse(rest, `'&${clip(name.slice(0, name.length - rest.length))}'`);
  const behind = name.replace(separators, '');
  if (behind !== name && isOurs(behind, names)) refuse(behind, `'${clip(name.slice(0, name.length - behind.length))}'`);
  const bare = /^amp(?=[a-z])/i.test(name) && findField(names, name) === undefined ? name.slice(3) : '';
  // `ampurl` is a name of its own.
  if (isOurs(bare, names)) refuse(bare, "'&amp'");
}

function isOurs(name: string, names: FieldNames): boolean {
  const meant = findField(names, name);
  return Boolean(meant && !freeText.has(meant.field));
}

function refuseValue(name: string, value: string, names: FieldNames): void {
  const holder = findField(names, name);
  if (!holder || freeText.has(holder.field) || /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return;
  const once = /%26/i.test(value) ? decodeComponent(value) : value;
  const [, ...swallowed] = once
    .replaceAll(/\\u0026/gi, '&')
    .replaceAll(entities, '&')
    .split(/[&?;]/);
  for (const pair of swallowed) {
    const equals = pair.indexOf('=');
    const meant = equals === -1 ? '' : pair.slice(0, equals);
    if (findField(names, meant)) refuse(meant, 'another value');
  }
}

function refuse(name: string, found: string): never {
  const shown = clip(name);
  const message = `stands behind ${found}: write the ampersands between parameters as plain &`;
  throw validationError(`${shown || 'The end of the query'} ${message}`, {
    [shown || 'query']: message,
    reason: 'escaped_ampersand',
  });
}
