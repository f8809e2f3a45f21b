import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that Linux, macOS and Windows give to outgoing connections (from 32768, 49152 and 49152 on).
const LEAST = 12_000;
const MOST = 32_000;

const given = new Set<number>();

/**
 * A port for a server that goes away and comes back: one that the system gives to no connection meanwhile, as it might one
 * that was free for a moment. Another program may still take it.
 */
export async function findSteadyPort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    // By chance, not by the seed: several runs at once must not meet.
    const port = LEAST + Math.floor(Math.random() * (MOST - LEAST));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no port is free between ${LEAST} and ${MOST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
