import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface SocketLoad {
  answered: number;
  /** From the first request to the last answer. */
  seconds: number;
  /** How long each answer took, in milliseconds. */
  answerMs: number[];
}

export interface SocketLoadOptions {
  port: number;
  /** Callers: each has a connection of its own and one request under way. */
  callers: number;
  /** The whole request, head and body, of number n from 1 on. */
  request: (n: number) => string;
  /** Ends after so many requests … */
  count?: number;
  /** … or when this says so: what is under way is still answered. */
  until?: () => boolean;
  /** What the answers' first line begins with. */
  expect?: string;
  onAnswer?: (n: number) => void;
}

/**
 * Sends requests over plain sockets, as fast as they are answered. The load shares two cores with what is measured: any client
 * library costs as much as a part of the hub (measured: undici 0.1 ms a request, this 0.02). Throws at an answer of another kind.
 */
export async function loadBySockets(options: SocketLoadOptions): Promise<SocketLoad> {
  const { callers, count = Infinity, until = () => false } = options;
  const answerMs: number[] = [];
  let next = 0;
  const sockets = await Promise.all(Array.from({ length: callers }, () => open(options.port)));
  const started = performance.now();
  const call = async (socket: Socket): Promise<void> => {
    const read = answersOf(socket);
    while (next < count && !until()) {
      const n = (next += 1);
      const at = performance.now();
      const answer = read();
      socket.write(options.request(n));
      const head = await answer;
      if (!head.startsWith(options.expect ?? 'HTTP/1.1 2')) throw new Error(`answered ${head}`);
      answerMs.push(performance.now() - at);
      options.onAnswer?.(n);
    }
  };
  try {
    await Promise.all(sockets.map(call));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  return { answered: answerMs.length, seconds: (performance.now() - started) / 1_000, answerMs };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.setEncoding('latin1');
  return socket;
}

/** Gives a function for the next answer, to be called before its request is sent. */
function answersOf(socket: Socket): () => Promise<string> {
  let text = '';
  let waiting: PromiseWithResolvers<string> | null = null;
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (!isWhole(text)) return;
    waiting?.resolve(text);
    text = '';
  });
  const end = (): void => waiting?.reject(new Error('the connection was closed'));
  socket.on('close', end);
  socket.on('error', end);
  return () => {
    waiting = Promise.withResolvers<string>();
    if (socket.destroyed) end();
    return waiting.promise;
  };
}

/** Our servers' answers have a length: none is chunked. */
function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd));
  return text.length >= headEnd + 4 + Number(length?.[1] ?? 0);
}

export function getRequest(path: string, headers: Record<string, string> = {}): string {
  return `GET ${path} HTTP/1.1\r\n${headerLines({ host: '127.0.0.1', ...headers })}\r\n`;
}

export function postRequest(path: string, headers: Record<string, string>, body: string): string {
  const all = { host: '127.0.0.1', 'content-length': String(Buffer.byteLength(body)), ...headers };
  return `POST ${path} HTTP/1.1\r\n${headerLines(all)}\r\n${body}`;
}

function headerLines(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
