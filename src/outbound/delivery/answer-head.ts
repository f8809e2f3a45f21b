import type { Socket } from 'node:net';

const NOTHING: Buffer = Buffer.alloc(0);
/** Longer heads are read along with no further. */
const MAX_BYTES = 64 * 1024;
const MAX_INTERIM_BYTES = 8 * 1024;

const statusLine = /^HTTP\/1\.[01] (\d{3})(?:[ \t][^\n]*)?\r?\n/;
const interim = /^HTTP\/1\.[01] 1(?!01)\d\d/;

/**
 * The head of an answer as it came, beside the parser, which takes whole and correct ones only: an endpoint that said 200
 * has the delivery, whatever is wrong with its headers. Interim answers (`100 Continue`) are taken out of what the parser
 * reads: any client must bear those that it did not ask for (RFC 9110, 15.2), and undici ends the connection at a 100.
 */
export class AnswerHead {
  #bytes = NOTHING;
  /** `start`: an interim answer may come. `head`: the answer itself has begun. `body`: nothing more to learn. */
  #at: 'start' | 'head' | 'body' = 'start';

  /** What the parser gets of this piece; null: nothing yet. */
  take(piece: Buffer): Buffer | null {
    if (this.#at === 'body') return piece;
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
    const passed = this.#at === 'head' ? piece : this.#passInterim();
    if (passed !== null) this.#at = isWhole(this.#bytes) ? 'body' : 'head';
    return passed;
  }

  /** The status that was read, or null. A line that was not read to its end says nothing. */
  get status(): number | null {
    const [, digits] = statusLine.exec(this.#bytes.toString('latin1', 0, 1024)) ?? [];
    return digits === undefined ? null : Number(digits);
  }

  get retryAfter(): string | undefined {
    return /\nretry-after[ \t]*:[ \t]*([^\r\n]*)\r?\n/i.exec(this.#bytes.toString('latin1'))?.[1];
  }

  /** What came after the head, as it came. */
  get rest(): Buffer {
    const end = endOfHead(this.#bytes);
    return end === -1 ? NOTHING : this.#bytes.subarray(end);
  }

  #passInterim(): Buffer | null {
    for (;;) {
      const start = this.#bytes.toString('latin1', 0, 12);
      if (start.length < 12 && 'HTTP/1.'.startsWith(start.slice(0, 7))) return null;
      if (!interim.test(start)) return this.#bytes;
      const end = endOfHead(this.#bytes);
      if (end === -1) return this.#bytes.length < MAX_INTERIM_BYTES ? null : this.#bytes;
      this.#bytes = this.#bytes.subarray(end);
    }
  }
}

function isWhole(bytes: Buffer): boolean {
  return bytes.length > MAX_BYTES || endOfHead(bytes) !== -1;
}

/** Where the empty line ends, with or without carriage returns; -1 where there is none yet. */
function endOfHead(bytes: Buffer): number {
  const ends = ['\r\n\r\n', '\n\n'].map((line) => {
    const at = bytes.indexOf(line);
    return at === -1 ? Infinity : at + line.length;
  });
  const end = Math.min(...ends);
  return end === Infinity ? -1 : end;
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
