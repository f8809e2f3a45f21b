import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';

/** One delivered webhook, as a subscriber sees it. */
export interface Receipt {
  /** The `webhook-id`; the same at every attempt of one message. */
  id: string;
  /** The event's type; null where the body is none of ours. */
  type: string | null;
  livemode: boolean | null;
  /** What each library says: null where the signature fits, else why it does not. */
  problems: Record<'svix' | 'standardwebhooks', string | null>;
  verified: boolean;
  body: string;
  receivedAt: Date;
}

export interface Subscriber {
  /** Where it listens, ready to be registered as an endpoint. */
  url: string;
  /** The endpoint's secret, known only once the endpoint is; deliveries wait for it. */
  setSecret: (secret: string) => void;
  close: () => Promise<void>;
}

export interface SubscriberOptions {
  host?: string;
  /** 0: any free one. */
  port?: number;
  /** What is answered where the signature fits; 204 unless said. What does not fit is answered 400. */
  answer?: number;
  onReceipt: (receipt: Receipt) => void;
}

const MAX_BODY_BYTES = 5 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * A subscriber on this machine. It verifies each delivery as any receiver can, with the svix library by the `svix-*`
 * headers and with the standardwebhooks library by the `webhook-*` headers, and tells what came.
 */
export async function startSubscriber(options: SubscriberOptions): Promise<Subscriber> {
  const secret = Promise.withResolvers<string>();
  const server = createServer((req, res) => {
    receive(req, res).catch(() => res.destroy());
  });
  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'POST') {
      res.writeHead(405, { allow: 'POST', 'content-type': 'text/plain' }).end('Webhooks come here by POST.\n');
      return;
    }
    const body = await readBody(req);
    if (body === null) {
      res.writeHead(413).end();
      return;
    }
    const receipt = verifyDelivery(req, body, await secret.promise);
    options.onReceipt(receipt);
    res.writeHead(receipt.verified ? (options.answer ?? 204) : 400).end();
  }
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`,
    setSecret: secret.resolve,
    async close() {
      const closed = once(server, 'close');
      server.close();
      // Answers under way are still sent; a kept-alive connection becomes idle with its last answer.
      const sweep = setInterval(() => server.closeIdleConnections(), 20);
      const insist = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await closed;
      clearInterval(sweep);
      clearTimeout(insist);
    },
  };
}

function verifyDelivery(req: IncomingMessage, body: string, secret: string): Receipt {
  const headers = Object.fromEntries(
    Object.entries(req.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
  // The svix library reads either family of headers: without `webhook-*` it shows that `svix-*` stands by itself.
  const svixOnly = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('webhook-')));
  const problems = {
    svix: tryVerify(() => new SvixWebhook(secret).verify(body, svixOnly)),
    standardwebhooks: tryVerify(() => new StandardWebhook(secret).verify(body, headers)),
  };
  const event = readEvent(body);
  return {
    id: headers['webhook-id'] ?? headers['svix-id'] ?? '',
    type: typeof event['type'] === 'string' ? event['type'] : null,
    livemode: typeof event['livemode'] === 'boolean' ? event['livemode'] : null,
    problems,
    verified: problems.svix === null && problems.standardwebhooks === null,
    body,
    receivedAt: new Date(),
  };
}

/** Both libraries throw what is wrong; what they return for a right signature says nothing more. */
function tryVerify(verify: () => unknown): string | null {
  try {
    verify();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function readEvent(body: string): Record<string, unknown> {
  try {
    const event: unknown = JSON.parse(body);
    return typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function readBody(req: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString('utf8');
}
