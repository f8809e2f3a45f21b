import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The subscriber of the delivery benchmark, in a process of its own: /fast answers 200 at once, /journey does and reads
 * the order's id, /hang never answers.
 */
export interface ReceiverReport {
  count: number;
  /** The message's id (of /journey: the order's) and when it arrived, in Unix milliseconds, since the last report. */
  arrivals: [string, number][];
}

let count = 0;
let arrivals: [string, number][] = [];
const server = createServer((request, response) => {
  const at = performance.timeOrigin + performance.now();
  if (request.url === '/hang') {
    request.resume();
    return;
  }
  count += 1;
  if (request.url === '/journey') noteOrder(request, at);
  else {
    arrivals.push([String(request.headers['webhook-id']), at]);
    request.resume();
  }
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '2' });
    response.end('ok');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

function noteOrder(request: IncomingMessage, at: number): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { orderId: string } };
    arrivals.push([data.orderId, at]);
  });
}

process.on('message', () => {
  const report: ReceiverReport = { count, arrivals };
  arrivals = [];
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));
