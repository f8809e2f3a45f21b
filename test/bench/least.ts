import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { Agent, request } from 'undici';
import { createSigner } from '../../src/outbound/wire/sign.ts';
import { benchSecret } from './delivery-setup.ts';

/**
 * The least that an event can cost, which `everyday` is measured against: a bare server that commits one row, answers,
 * posts the event signed, and commits that it was delivered.
 */
const pool = new Pool({ connectionString: process.env.DATABASE_URL ?? '', max: 10 });
const agent = new Agent({ connections: 32 });
const signer = createSigner([benchSecret]);
const target = process.env.TARGET ?? '';
await pool.query('create table if not exists least (id text primary key, body text, delivered boolean)');

async function keep(id: string, body: string): Promise<void> {
  await pool.query({ name: 'keep', text: 'insert into least (id, body) values ($1, $2)', values: [id, body] });
}

async function deliver(id: string, body: string): Promise<void> {
  const answer = await request(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signer.sign(id, new Date(), body) },
    body,
    dispatcher: agent,
  });
  await answer.body.dump();
  await pool.query({ name: 'note', text: 'update least set delivered = true where id = $1', values: [id] });
}

const server = createServer((incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const given = Buffer.concat(chunks).toString();
    const { orderId } = JSON.parse(given) as { orderId: string };
    const body = JSON.stringify({ data: JSON.parse(given) as unknown });
    void (async () => {
      await keep(orderId, body);
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
      await deliver(orderId, body);
    })();
  });
});
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => void Promise.all([pool.end(), agent.close()]));
});
