import type { IncomingMessage } from 'node:http';

/** As in raw-body.ts: past them the connection is cut. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

/**
 * Reads on, of a request that is answered without its body, what Node would read and throw away; tells the first `limitBytes`
 * of it once, at its end or where it breaks off.
 */
export function readRest(req: IncomingMessage, limitBytes: number, onRead: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let kept = 0;
  let received = 0;
  let isTold = false;
  const tell = (): void => {
    if (isTold) return;
    isTold = true;
    onRead(Buffer.concat(chunks));
  };
  req.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_READ_BYTES) req.destroy();
    if (kept >= limitBytes) return;
    const part = chunk.subarray(0, limitBytes - kept);
    kept += part.length;
    chunks.push(part);
  });
  req.on('end', tell);
  req.on('error', tell);
  req.on('close', tell);
}
