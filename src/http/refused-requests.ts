import { randomBytes } from 'node:crypto';
import { STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Metrics } from '../process/metrics.ts';
import { refusedReasonOf } from './refusals.ts';

const CLOSED_AFTER_MS = 2_000;

/**
 * Requests that break HTTP itself never reach a route: Node's parser refuses them, by default without a word. Whoever reads the
 * log of a tracker shall see what to mend.
 */
export function answerRefusedRequests(
  server: Server,
  { log, metrics }: { log: Logger; metrics: Pick<Metrics, 'refused'> },
): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (req, res) => answers.set(req.socket, res));
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    const answer = answers.get(socket);
    // The sender is gone, or an answer is under way that must not be mixed up with another.
    if (error.code === 'ECONNRESET' || !socket.writable || (answer?.headersSent && !answer.writableFinished)) {
      socket.destroy();
      return;
    }
    const { status, code, message } = explain(error);
    metrics.refused.inc({ kind: 'http', reason: refusedReasonOf(String(status), undefined) ?? 'other' });
    const requestId = `req_${randomBytes(9).toString('base64url')}`;
    log.info({ requestId, status, problem: message, parser: error.code }, 'request refused');
    const body = JSON.stringify({ error: { code, message, requestId } });
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    );
    // Whoever does not close their end must not keep the socket.
    const timer = setTimeout(() => socket.destroy(), CLOSED_AFTER_MS).unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
  });
}

interface Explained {
  status: 400 | 408 | 431;
  code: string;
  message: string;
}

function explain({ code, rawPacket }: { code?: string | undefined; rawPacket?: Buffer }): Explained {
  const invalid = { status: 400, code: 'VALIDATION_ERROR' } as const;
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { ...invalid, status: 431, message: 'The request line and headers are larger than 16 KiB' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { ...invalid, status: 408, message: 'The request was not sent to its end in time' };
    default:
      return { ...invalid, message: explainLine(rawPacket) ?? 'The request is not valid HTTP/1.1' };
  }
}

/** What is wrong with the request line, where that is it. It is not repeated: it may hold a key. */
function explainLine(packet: Buffer | undefined): string | null {
  const [line = ''] = (packet ?? Buffer.alloc(0)).toString('latin1', 0, 16_384).split(/\r?\n/, 1);
  const [, target] = /^[A-Z]+ (.*?)(?: HTTP\/\d\.\d)?$/.exec(line) ?? [];
  if (target === undefined) return null;
  if (target.includes(' ')) return 'The URL holds a space: percent-encode it, as %20';
  if (/[^\x21-\x7e]/.test(target)) return 'The URL holds characters that are not ASCII: percent-encode them, as %C3%A9';
  return null;
}
