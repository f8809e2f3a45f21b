import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const subscriberNames = ['fast', 'slow', 'failing', 'hanging'] as const;
export type SubscriberName = (typeof subscriberNames)[number];

/** Four subscribers, and what each was told. */
export interface Subscribers {
  urlOf(name: SubscriberName): string;
  /** Ids of messages, with how often each was answered with 2xx. */
  received: Record<SubscriberName, Map<string, number>>;
  close: () => Promise<void>;
}

const SLOW_MS = 400;

/** `fails` decides whether the failing one refuses a message when it hears of it for the first time. */
export async function startSubscribers(fails: () => boolean): Promise<Subscribers> {
  const received = Object.fromEntries(subscriberNames.map((name) => [name, new Map<string, number>()])) as Record<
    SubscriberName,
    Map<string, number>
  >;
  const refused = new Set<string>();
  const accept = (name: SubscriberName, id: string, response: ServerResponse): void => {
    received[name].set(id, (received[name].get(id) ?? 0) + 1);
    response.writeHead(204).end();
  };
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) as SubscriberName;
    const id = String(request.headers['webhook-id']);
    request.resume();
    request.on('end', () => {
      switch (name) {
        case 'fast':
          return accept(name, id, response);
        case 'slow':
          return void setTimeout(() => accept(name, id, response), SLOW_MS);
        case 'failing':
          if (refused.has(id) || !fails()) return accept(name, id, response);
          refused.add(id);
          return void response.writeHead(500).end();
        case 'hanging':
          // It was told, and nobody is answered.
          return void received.hanging.set(id, 0);
      }
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (name) => `http://127.0.0.1:${port}/${name}`,
    received,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
