import { callbackify } from 'node:util';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { AddressGuard } from '../guard/address-guard.ts';
import { AnswerHead, HeadReader } from './answer-head.ts';
import { explainSendError } from './send-errors.ts';

export interface OutgoingRequest {
  url: URL;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body: string | null;
}

/** The result of one request. Whatever the other side does, even nothing, is an answer and not an exception. */
export interface Answer {
  /** Null: no answer came. */
  responseStatus: number | null;
  /** At most 16 KiB, as text without NUL, which PostgreSQL could not store. */
  responseBody: string | null;
  /** The Retry-After header as it came. */
  retryAfter: string | string[] | undefined;
  /** Why there is no answer; null where one came. */
  error: string | null;
  durationMs: number;
}

export interface HttpSender {
  send(request: OutgoingRequest): Promise<Answer>;
  /** Ends the requests under way, as ones without an answer. */
  abort(): void;
  /** Waits for the requests under way, then closes the connections. */
  close(): Promise<void>;
}

export interface HttpSenderOptions {
  guard: AddressGuard;
  connectTimeoutMs?: number;
  /** From the lookup of the name to the last byte of the answer. */
  totalTimeoutMs?: number;
}

export const TOTAL_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 16 * 1024;

/**
 * Sends through a pool of kept connections that connects only where the guard allows, follows no redirect, and reads no
 * more of an answer than it stores. Our own timer bounds the whole request, so undici's timers are off.
 */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const totalTimeoutMs = options.totalTimeoutMs ?? TOTAL_TIMEOUT_MS;
  const heads = new HeadReader();
  const underWay = new Set<Exchange>();
  const agent = new Agent({
    connect: createGuardedConnector(options.guard, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, heads),
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    // Many servers close an idle connection after 5 s: with less, few requests meet a connection that is closing.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: 32 * 1024,
  });
  return {
    async send(request) {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const exchange = new Exchange(request, totalTimeoutMs, heads, resolve);
      underWay.add(exchange);
      exchange.start(agent);
      const answer = await promise;
      underWay.delete(exchange);
      return answer;
    },
    abort() {
      for (const exchange of underWay) exchange.abort();
    },
    close: () => agent.close(),
  };
}

/** The guard resolves the names. An address in the URL is never resolved, so it is checked before connecting. */
function createGuardedConnector(guard: AddressGuard, timeoutMs: number, heads: HeadReader): buildConnector.connector {
  const plain = connectTo('http:');
  const tls = connectTo('https:');
  const resolveAllowed = callbackify((hostname: string, protocol: string) => guard.resolveAllowed(hostname, protocol));

  function connectTo(protocol: string): buildConnector.connector {
    return buildConnector({
      timeout: timeoutMs,
      allowH2: false,
      lookup: (hostname, { all }, callback) => {
        resolveAllowed(hostname, protocol, (error, addresses) => {
          if (error) callback(error, []);
          else if (all) callback(null, addresses);
          else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
        });
      },
    });
  }

  return (request, callback) => {
    try {
      guard.assertLiteralAllowed(request.hostname, request.protocol);
    } catch (error) {
      callback(error as Error, null);
      return;
    }
    (request.protocol === 'https:' ? tls : plain)(request, (...[error, socket]) => {
      if (socket) heads.follow(socket);
      callback(...([error, socket] as Parameters<typeof callback>));
    });
  };
}

/** One request and its answer. It is settled once, by what happens first: answer, error or timeout. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: OutgoingRequest;
  readonly #resolve: (answer: Answer) => void;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #heads: HeadReader;
  readonly #head = new AnswerHead();
  #controller: Dispatcher.DispatchController | null = null;
  #status: number | null = null;
  #retryAfter: string | string[] | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #settled = false;

  constructor(request: OutgoingRequest, timeoutMs: number, heads: HeadReader, resolve: (answer: Answer) => void) {
    this.#request = request;
    this.#heads = heads;
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.#stop(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
  }

  start(agent: Agent): void {
    const { url, method, headers, body } = this.#request;
    try {
      agent.dispatch({ origin: url.origin, path: `${url.pathname}${url.search}`, method, headers, body }, this);
    } catch (error) {
      this.#settle(explainSendError(error as Error));
    }
  }

  abort(): void {
    this.#stop('given up: this process stops');
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('settled before it began'));
    else this.#heads.expect(this.#head);
  }

  onResponseStart(_controller: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.#status = status;
    this.#retryAfter = headers['retry-after'];
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk.subarray(0, MAX_RESPONSE_BYTES - this.#bytes));
    this.#bytes += chunk.length;
    // To read the rest of a longer body would cost more than a new connection, so this one is closed.
    if (this.#bytes >= MAX_RESPONSE_BYTES) this.#stop(null);
  }

  onResponseEnd(): void {
    this.#settle(null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#settle(explainSendError(error));
  }

  #stop(error: string | null): void {
    this.#settle(error);
    this.#controller?.abort(new Error('stopped'));
  }

  /** Once there is a status it counts, whatever happens to the rest of the head and to the body. */
  #settle(error: string | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    const parsed = this.#status !== null;
    const status = this.#status ?? this.#head.status;
    const body = parsed ? this.#chunks : [this.#head.rest.subarray(0, MAX_RESPONSE_BYTES)];
    this.#resolve({
      responseStatus: status,
      responseBody: status === null ? null : readText(body),
      retryAfter: parsed ? this.#retryAfter : this.#head.retryAfter,
      error: status === null ? (error ?? 'no answer') : null,
      durationMs: Math.round(performance.now() - this.#startedAt),
    });
  }
}

const decoder = new TextDecoder('utf-8');

/** Binary answers become replacement characters; a NUL, which PostgreSQL's text cannot hold, becomes one too. */
function readText(chunks: Buffer[]): string {
  if (chunks.length === 0) return '';
  const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  const text = decoder.decode(bytes).replaceAll('\0', '\uFFFD');
  const encoded = Buffer.byteLength(text);
  // A replacement character takes three bytes in place of one.
  return encoded <= MAX_RESPONSE_BYTES ? text : Buffer.from(text).toString('utf8', 0, MAX_RESPONSE_BYTES - 2);
}
