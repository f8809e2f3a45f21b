import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError, validationError } from '../domain/errors.ts';

/** The largest body that any inbound route takes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Up to this many bytes an oversized body is read and thrown away, so that an ordinary client, which sends everything before
 * it looks for an answer, sees the 413. Past them the connection is cut.
 */
const MAX_DISCARDED_BYTES = 16 * MAX_BODY_BYTES;

const EMPTY = Buffer.alloc(0);

/**
 * Express middleware: `req.body` becomes the bytes exactly as they came, as signatures need them; empty where none came.
 * Bodies above 1 MiB are PAYLOAD_TOO_LARGE (413), any content-encoding but identity is UNSUPPORTED_MEDIA_TYPE (415: how
 * large a compressed body is shows only once it is unpacked), a body that breaks off is VALIDATION_ERROR (400).
 */
export const rawBody: RequestHandler = async (req, _res, next) => {
  req.body = hasBody(req) ? await readRawBody(req) : EMPTY;
  next();
};

/** Reads a request's body as `rawBody` does; throws the same AppErrors. */
export async function readRawBody(req: IncomingMessage, limitBytes = MAX_BODY_BYTES): Promise<Buffer> {
  refuseEncoding(req);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let refused = false;
    const refuse = (): void => {
      refused = true;
      chunks.length = 0;
      reject(new AppError('PAYLOAD_TOO_LARGE', `The body is larger than ${limitBytes} bytes`));
    };
    // The stated length is enough to refuse; without one (chunked) the bytes are counted.
    if (Number(req.headers['content-length'] ?? 0) > limitBytes) refuse();
    req.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > MAX_DISCARDED_BYTES) req.destroy();
      else if (received > limitBytes) {
        if (!refused) refuse();
      } else if (!refused) chunks.push(chunk);
    });
    req.on('end', () => {
      resolve(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, received));
    });
    req.on('error', () => {
      reject(brokenOff());
    });
    // Closed without an end: the sender broke off. After the end this changes nothing, since the promise is settled.
    req.on('close', () => {
      reject(brokenOff());
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
