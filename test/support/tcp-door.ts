import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** An address that leads where `leadTo` says: connections that exist stay where they are, as after a failover. */
export interface TcpDoor {
  port: number;
  leadTo(port: number): void;
  /** Passes on nothing more of the connections that exist, and closes none: a host that is lost. New ones go through. */
  silence(): void;
  close(): Promise<void>;
}

export async function openTcpDoor(port: number): Promise<TcpDoor> {
  let target = port;
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('data', (chunk) => {
        if (!silent.has(one)) other.write(chunk);
      });
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        if (!silent.has(one)) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (next) => (target = next),
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
