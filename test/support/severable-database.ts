import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { openTestDatabase } from './database.ts';

/** A test database behind a door of its own, so that an outage hits one hub and no other test. */
export interface SeverableDatabase {
  /** Through the door. */
  url: string;
  /** Cuts all connections and refuses new ones. */
  sever(): Promise<void>;
  /** Takes connections that come, and answers nothing: a database that hangs. */
  hang(): void;
  /**
   * The connections that stand fall silent, without a word of it, and new ones work: a lost host, and its successor. Of
   * `answers` alone: what is sent still arrives, and is done.
   */
  lose(what?: 'everything' | 'answers'): void;
  restore(): Promise<void>;
  close(): Promise<void>;
}

export async function openSeverableDatabase(): Promise<SeverableDatabase> {
  const database = await openTestDatabase();
  const target = new URL(database.url);
  const sockets = new Set<Socket>();
  let hanging = false;
  const lost = new WeakSet<Socket>();
  const upstreams = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    upstreams.add(upstream);
    upstream.on('close', () => upstreams.delete(upstream));
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('data', (chunk) => {
        if (!hanging && !lost.has(one)) other.write(chunk);
      });
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = new URL(database.url);
  url.host = `127.0.0.1:${port}`;

  async function sever(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    url: url.href,
    sever,
    hang() {
      hanging = true;
    },
    lose(what = 'everything') {
      for (const socket of what === 'answers' ? upstreams : sockets) lost.add(socket);
    },
    async restore() {
      if (hanging) for (const socket of sockets) socket.destroy();
      hanging = false;
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      if (server.listening) await sever();
      await database.close();
    },
  };
}
