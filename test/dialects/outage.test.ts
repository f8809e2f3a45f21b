import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import express from 'express';
import { affspaceRouter } from '../../src/dialects/affspace/index.ts';
import { attro } from '../../src/dialects/attro/index.ts';
import { dialectRouter } from '../../src/dialects/mount.ts';
import { AppError } from '../../src/domain/errors.ts';
import type { Inbox } from '../../src/inbound/inbox/inbox.ts';
import { at, openConformanceProgram, send, type ConformanceProgram } from './conformance.ts';

let program: ConformanceProgram;
let server: Server;
let appendAndWait: Inbox['appendAndWait'];
before(async () => {
  program = await openConformanceProgram({ worker: false });
  const inbox = {
    ...program.hub.deps.inbox,
    appendAndWait: (...args: Parameters<Inbox['appendAndWait']>) => appendAndWait(...args),
  };
  const deps = { ...program.hub.deps, inbox };
  const app = express();
  app.use(attro.base, dialectRouter(deps, attro));
  app.use('/affspace', affspaceRouter(deps));
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  program.hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await program.hub.stop();
});

const report = {
  attro: () =>
    send(program, '/attro/api/v1', {
      path: '/conversions',
      body: { affiliateId: program.affiliateId, offerId: program.offerId, externalId: 'x-1', amount: 10 },
    }),
  affspace: () => send(program, '/affspace', { path: '/api/v1/conversions', body: { click_id: 'c-1', amount: '1' } }),
};

it('with the store away each dialect answers 503 in its envelope, and when to come again', async () => {
  appendAndWait = () => Promise.reject(new AppError('UNAVAILABLE', 'Send it again shortly.', { retryAfterS: 2 }));
  const [ofAttro, ofAffspace] = [await report.attro(), await report.affspace()];
  for (const { status, headers } of [ofAttro, ofAffspace]) {
    assert.deepEqual([status, headers.get('retry-after')], [503, '2']);
  }
  assert.deepEqual(ofAttro.json, { error: { code: 'INTERNAL_ERROR', message: 'Send it again shortly.' } });
  assert.deepEqual(ofAffspace.json, {
    success: false,
    error: { code: 'INTERNAL_ERROR', message: 'Send it again shortly.' },
  });
});

it('a mistake of ours is 500 in the envelope of each dialect, and says nothing of itself', async () => {
  appendAndWait = () => Promise.reject(new Error('a secret detail'));
  const [ofAttro, ofAffspace] = [await report.attro(), await report.affspace()];
  assert.deepEqual(
    [ofAttro.status, ofAttro.json],
    [500, { error: { code: 'INTERNAL_ERROR', message: 'Server error' } }],
  );
  assert.deepEqual(
    [ofAffspace.status, ofAffspace.json],
    [500, { success: false, error: { code: 'INTERNAL_ERROR', message: 'Server error' } }],
  );
});

it('what is not settled in time is accepted with the id by which it is found', async () => {
  appendAndWait = () => Promise.resolve({ id: 'ibx_1', settled: null });
  const [ofAttro, ofAffspace] = [await report.attro(), await report.affspace()];
  assert.deepEqual([ofAttro.status, ofAffspace.status], [202, 202]);
  assert.equal(at(ofAttro, 'data.inboxEventId'), 'ibx_1');
  assert.equal(at(ofAttro, 'data.status'), 'processing');
  assert.deepEqual(ofAffspace.json, {
    success: true,
    data: { tracked: null, status: 'processing', event_id: 'ibx_1' },
  });
});
