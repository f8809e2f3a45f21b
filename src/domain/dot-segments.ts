const separator = /[/\\]|%(?:25)*(?:2f|5c)/i;
const parameters = /(?:;|%(?:25)*3b).*$/is;
const dots = /^\s*(?:\.\s*)+$/;

/**
 * Whether a value, put into the path of a URL, would lead to another folder: one of its pieces between slashes is made of
 * dots alone (RFC 3986, 5.2.4), however often slashes, dots and spaces are percent-encoded, since a proxy may decode them; and
 * `..;x` too, which servers that know parameters of path segments read as `..`.
 */
export function hasDotSegment(value: string): boolean {
  return value.split(separator).some((piece) => {
    const plain = piece
      .replace(parameters, '')
      .replaceAll(/%(?:25)*2e/gi, '.')
      .replaceAll(/%(?:25)*20|\+/gi, ' ');
    return dots.test(plain);
  });
}
