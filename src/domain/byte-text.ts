// Senders percent-encode in whatever encoding they have. What is not UTF-8 must not become one and the same mark: `%E9` and
// `%E8` are two ids. So a byte that belongs to no UTF-8 stands in our texts as U+FFFD and its two hexadecimal digits, which
// PostgreSQL and JSON can hold and a reader sees as what it is, and leaves as the byte that came.

/**
 * A sequence of bytes that is one character of UTF-8, else a single byte, in a text of Latin-1. A U+FFFD that the sender wrote
 * before what looks like the digits of a byte counts as three bytes, so that no two senders' texts become one.
 */
const character =
  /\xef\xbf\xbd(?![89A-F][0-9A-F])|(?!\xef\xbf\xbd)(?:[\xc2-\xdf][\x80-\xbf]|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2})|[\x80-\xff]/g;

/** Bytes as text, where each character of `latin1` is a byte. */
export function fromLatin1(latin1: string): string {
  return latin1.replaceAll(character, (bytes) =>
    bytes.length > 1
      ? Buffer.from(bytes, 'latin1').toString('utf8')
      : `\ufffd${bytes.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Bytes as text. */
export function fromBytes(bytes: Buffer): string {
  return fromLatin1(bytes.toString('latin1'));
}

/** A text as the bytes that it came as. */
export function toBytes(text: string): Buffer {
  const latin1 = Buffer.from(text.toWellFormed()).toString('latin1');
  return Buffer.from(
    latin1.replaceAll(/\xef\xbf\xbd([89A-F][0-9A-F])/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
    'latin1',
  );
}

/**
 * A name or value of a query or form, decoded; `+` is a space. Each character of `text` that is not ASCII is a byte. A lone
 * percent sign is itself.
 */
export function decodeComponent(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  const isAscii = !/[\x80-\xff]/.test(spaced);
  if (isAscii && !spaced.includes('%')) return spaced;
  if (isAscii) {
    const plain = decodePlain(spaced);
    if (plain !== null && !plain.includes('\ufffd')) return plain;
  }
  const bytes = spaced.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return fromLatin1(bytes);
}

/** A text with its percent-escapes decoded; those that are not UTF-8 stay as they stand, and so does `+`. */
export function decodeEscapes(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) => decodePlain(escapes) ?? escapes);
}

/** A name or value as it stands in a URL. */
export function encodeComponent(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/%EF%BF%BD([89A-F][0-9A-F])/g, '%$1');
}

/** The names and values of a query, in their order. `url` may have none. */
export function readQueryPairs(url: string): [name: string, value: string][] {
  const question = url.indexOf('?');
  if (question === -1) return [];
  const parts = url.slice(question + 1).split('&');
  return parts.flatMap((part): [string, string][] => {
    if (part === '') return [];
    const equals = part.indexOf('=');
    if (equals === -1) return [[decodeComponent(part), '']];
    return [[decodeComponent(part.slice(0, equals)), decodeComponent(part.slice(equals + 1))]];
  });
}

/** Null where it is not UTF-8, or a percent sign stands alone. */
function decodePlain(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
