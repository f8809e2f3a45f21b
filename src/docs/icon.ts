/** Three streams that become one: `#` is ink. */
const picture = [
  '................',
  '.##....##....##.',
  '.##....##....##.',
  '.##....##....##.',
  '.###...##...###.',
  '..##...##...##..',
  '..###..##..###..',
  '...###.##.###...',
  '....########....',
  '.....######.....',
  '......####......',
  '.......##.......',
  '.......##.......',
  '.......##.......',
  '.......##.......',
  '................',
];

const INK = [0xc8, 0x6a, 0x1f, 0xff]; // blue, green, red, alpha
const HEADER_BYTES = 6 + 16;
const BITMAP_HEADER_BYTES = 40;

/**
 * `/favicon.ico`: one picture of 16 by 16 pixels with 32 bits each, lines from the bottom, then a mask that is empty
 * (https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10), read 2026-11).
 */
export function renderIcon(): Buffer {
  const size = picture.length;
  const pixels = Buffer.from(
    picture.toReversed().flatMap((line) => Array.from(line).flatMap((dot) => (dot === '#' ? INK : [0, 0, 0, 0]))),
  );
  const mask = Buffer.alloc(size * 4);
  const bitmap = Buffer.alloc(BITMAP_HEADER_BYTES);
  bitmap.writeUInt32LE(BITMAP_HEADER_BYTES, 0);
  bitmap.writeInt32LE(size, 4);
  bitmap.writeInt32LE(size * 2, 8); // picture and mask
  bitmap.writeUInt16LE(1, 12);
  bitmap.writeUInt16LE(32, 14);
  bitmap.writeUInt32LE(pixels.length + mask.length, 20);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(1, 2); // an icon
  header.writeUInt16LE(1, 4); // one picture
  header.writeUInt8(size, 6);
  header.writeUInt8(size, 7);
  header.writeUInt16LE(1, 10);
  header.writeUInt16LE(32, 12);
  header.writeUInt32LE(bitmap.length + pixels.length + mask.length, 14);
  header.writeUInt32LE(HEADER_BYTES, 18);
  return Buffer.concat([header, bitmap, pixels, mask]);
}
