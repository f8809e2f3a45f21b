import type { IncomingMessage } from 'node:http';
import { AppError, validationError } from '../domain/errors.ts';
import { BufferedBody } from './buffered-bytes.ts';

/** The largest body that any inbound route takes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Up to this many bytes an oversized body is read and thrown away, so that an ordinary client, which sends everything before
 * it looks for an answer, sees the 413. Past them the connection is cut.
 */
const MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES;

const EMPTY = Buffer.alloc(0);

/** The largest body where nothing but the body itself could prove who sends it. */
export const MAX_ANONYMOUS_BODY_BYTES = 16 * 1024;

/**
 * A request's body, the bytes exactly as they came, as signatures need them; empty where none came. Bodies above the limit are
 * PAYLOAD_TOO_LARGE (413), any content-encoding but identity is UNSUPPORTED_MEDIA_TYPE (415: how large a compressed body is
 * shows only once it is unpacked), a body that breaks off is VALIDATION_ERROR (400), and where too many large ones are
 * under way it is UNAVAILABLE (503). To be called when it is known as far as it can be who sends it.
 */
export async function readRawBody(req: IncomingMessage, limitBytes = MAX_BODY_BYTES): Promise<Buffer> {
  if (!hasBody(req)) return EMPTY;
  refuseEncoding(req);
  const held = new BufferedBody();
  try {
    return await receive(req, limitBytes, held);
  } finally {
    held.release();
  }
}

function receive(req: IncomingMessage, limitBytes: number, held: BufferedBody): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let refused = false;
    const refuse = (error: unknown): void => {
      refused = true;
      chunks.length = 0;
      reject(error);
    };
    const tooLarge = (): AppError => new AppError('PAYLOAD_TOO_LARGE', `The body is larger than ${limitBytes} bytes`);
    const keep = (chunk: Buffer): void => {
      try {
        held.add(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        refuse(error);
      }
    };
    // The stated length is enough to refuse; without one (chunked) the bytes are counted.
    if (Number(req.headers['content-length'] ?? 0) > limitBytes) refuse(tooLarge());
    req.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > MAX_DISCARDED_BYTES) req.destroy();
      else if (received > limitBytes) {
        if (!refused) refuse(tooLarge());
      } else if (!refused) keep(chunk);
    });
    req.on('end', () => {
      resolve(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, received));
    });
    req.on('error', () => {
      reject(brokenOff());
    });
    // Every request closes; without an end its sender broke off.
    req.on('close', () => {
      if (!req.readableEnded) reject(brokenOff());
    });
  });
}

function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function refuseEncoding(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  // The body is read and dropped; else the connection could not be used for the next request.
  req.resume();
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send the body uncompressed: content-encoding is not supported here');
}

function brokenOff(): AppError {
  return validationError('The body broke off before its end');
}
