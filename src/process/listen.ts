import { once } from 'node:events';
import type { Server } from 'node:http';

/** Where it cannot listen it rejects with an error whose message can be shown as it is. */
export async function listen(server: Server, port: number, host: string | null): Promise<void> {
  server.listen({ port, ...(host === null ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(explainListenError(error as NodeJS.ErrnoException, port, host), { cause: error });
  }
}

/** For the start of a process: says why it cannot listen and exits. */
export async function listenOrExit(server: Server, port: number, host: string | null): Promise<void> {
  try {
    await listen(server, port, host);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}

function explainListenError({ code, message }: NodeJS.ErrnoException, port: number, host: string | null): string {
  if (code === 'EADDRINUSE') return `Port ${port} is in use by another program. Stop that one, or set PORT to another.`;
  if (code === 'EACCES') return `Port ${port} is not allowed for this user. Set PORT to 1024 or above.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HOST ${host} is no address of this machine.`;
  return `Cannot listen on port ${port}: ${message}`;
}
