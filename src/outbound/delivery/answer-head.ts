import type { Socket } from 'node:net';

const NOTHING: Buffer = Buffer.alloc(0);
/** Of an answer no more is kept beside the parser, and of interim answers no more is waited for. */
const MAX_BYTES = 64 * 1024;
const MAX_INTERIM_BYTES = 8 * 1024;

/** As long as this the beginning of an answer tells whether it is an interim one. */
const TELLING = 'HTTP/1.1 100'.length;
const interim = /^HTTP\/1\.[01] 1(?!01)\d\d/;
const statusLine = /^HTTP\/1\.[01] (\d{3})(?:[ \t][^\n]*)?\r?\n/;
const emptyLine = /\r?\n\r?\n/;

/**
 * The beginning of an answer as it came, beside the parser, which takes whole and correct heads only: an endpoint that said
 * 200 has the delivery, whatever is wrong with its headers. Interim answers (`100 Continue`) are taken out of what the parser
 * reads: any client must bear those that it did not ask for (RFC 9110, 15.2), and undici ends the connection at a 100.
 *
 * Every delivery comes this way, and the parser manages nearly all: so what came is only kept, and read when it is asked for.
 */
export class AnswerHead {
  #pieces: Buffer[] = [];
  #length = 0;
  /** The answer itself has begun: no interim one comes any more. */
  #begun = false;

  /** What the parser gets of this piece; null: nothing yet. */
  take(piece: Buffer): Buffer | null {
    if (this.#begun) {
      if (this.#length < MAX_BYTES) this.#keep(piece);
      return piece;
    }
    const left = withoutInterim(this.#pieces.length === 0 ? piece : Buffer.concat([...this.#pieces, piece]));
    this.#begun = left.isAnswer;
    this.#pieces = [];
    this.#length = 0;
    this.#keep(left.bytes);
    return left.isAnswer ? left.bytes : null;
  }

  /** The status that was read, or null. A line that was not read to its end says nothing. */
  get status(): number | null {
    const [, digits] = statusLine.exec(this.#text) ?? [];
    return digits === undefined ? null : Number(digits);
  }

  get retryAfter(): string | undefined {
    return /\nretry-after[ \t]*:[ \t]*([^\r\n]*)\r?\n/i.exec(this.#text)?.[1];
  }

  /** What came after the head, as it came. */
  get rest(): Buffer {
    const end = endOfHead(this.#text);
    return end === -1 ? NOTHING : Buffer.concat(this.#pieces).subarray(end);
  }

  /** Each character is a byte. */
  get #text(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }
}

/** What is left of the beginning of an answer, and whether the answer itself begins there. */
function withoutInterim(bytes: Buffer): { bytes: Buffer; isAnswer: boolean } {
  const start = bytes.toString('latin1', 0, TELLING);
  if (start.length < TELLING && 'HTTP/1.'.startsWith(start.slice(0, 7))) return { bytes, isAnswer: false };
  if (!interim.test(start)) return { bytes, isAnswer: true };
  const end = endOfHead(bytes.toString('latin1', 0, MAX_INTERIM_BYTES));
  if (end === -1) return { bytes, isAnswer: bytes.length >= MAX_INTERIM_BYTES };
  return withoutInterim(bytes.subarray(end));
}

/** Where the empty line ends, with or without carriage returns; -1 where there is none yet. */
function endOfHead(text: string): number {
  const found = emptyLine.exec(text);
  return found === null ? -1 : found.index + found[0].length;
}

/** Gives the heads of answers to those who wait for them: one request at a time goes over a connection. */
export class HeadReader {
  #next: AnswerHead | null = null;

  /** The request that is written next, within this turn of the loop, is answered into `head`. */
  expect(head: AnswerHead): void {
    this.#next = head;
  }

  /** Reads along with what the parser reads of this connection, piece by piece. */
  follow(socket: Socket): void {
    let current: AnswerHead | null = null;
    const write = socket.write.bind(socket) as (...input: unknown[]) => boolean;
    const read = socket.read.bind(socket);
    socket.write = (...input: unknown[]) => {
      current = this.#next ?? current;
      this.#next = null;
      return write(...input);
    };
    socket.read = (size?: number) => {
      const piece = read(size) as Buffer | null;
      return piece === null || current === null ? piece : current.take(piece);
    };
  }
}
