import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { it } from 'node:test';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSource } from '../../../src/program/sources.ts';
import { openTestDatabase } from '../../support/database.ts';
import { startHub } from '../../support/hub.ts';
import { readFixture } from './fixtures.ts';

const secret = 'whsec_of_the_endpoint';
const { text } = readFixture('endive', 'one-off-checkout/03-payment_intent.succeeded');

it('with the database away Stripe is told when to come back, and is taken again once it is there', async (t) => {
  const database = await openTestDatabase();
  const road = await openRoad(database.url);
  const hub = await startHub({ worker: false, env: { DATABASE_URL: road.url } });
  t.after(async () => {
    await road.open();
    await hub.stop();
    await road.close();
    await database.close();
  });
  const { id: programId } = await createProgram(database.db, { name: 'Program of the outage' });
  const source = await createSource(database.db, hub.deps.secrets, programId, {
    kind: 'stripe',
    settings: {},
    secrets: { signingSecrets: [secret] },
  });
  const post = (sourceId: string) =>
    fetch(`${hub.url}/in/stripe/${sourceId}`, {
      method: 'POST',
      headers: { 'stripe-signature': signStripeBody(text, secret) },
      body: text,
    });
  const countRows = async () => (await database.db('inbox_events').select('id')).length;

  assert.equal((await post(source.id)).status, 200);
  await road.block();
  // A source that the process remembers, and one that it would have to look up.
  for (const sourceId of [source.id, `${source.id}0`]) {
    const answer = await post(sourceId);
    const { error } = (await answer.json()) as { error: { code: string } };
    assert.deepEqual([answer.status, error.code], [503, 'UNAVAILABLE'], sourceId);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  }
  await road.open();
  assert.equal((await post(source.id)).status, 200);
  assert.equal(await countRows(), 2);
});

/** A way to a database that can be blocked: connections break, and new ones are refused. */
async function openRoad(databaseUrl: string) {
  const url = new URL(databaseUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  url.hostname = '127.0.0.1';
  url.port = String(port);
  const block = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: url.href,
    block,
    async open() {
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    close: block,
  };
}
