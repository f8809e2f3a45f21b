import assert from 'node:assert/strict';
import { startHub, type HubOptions, type TestHub } from '../support/hub.ts';
import { ApiClient } from './api-client.ts';

/** A hub with a program and its keys, and another program beside it. */
export interface ApiProgram {
  hub: TestHub;
  programId: string;
  admin: ApiClient;
  anonymous: ApiClient;
  /** Live, may write. */
  live: ApiClient;
  liveKey: string;
  /** Live, may only read. */
  reader: ApiClient;
  /** Live, may only send conversions, events and postbacks. */
  ingest: ApiClient;
  /** Test, may write. */
  test: ApiClient;
  testKey: string;
  /** Another program's, live, may write. */
  stranger: ApiClient;
  stop(): Promise<void>;
}

/** No worker unless asked: what is only configuration needs none. */
export async function openApiProgram(options: HubOptions = {}, program: object = {}): Promise<ApiProgram> {
  const hub = await startHub({ worker: false, ...options });
  const admin = new ApiClient(hub.url, hub.adminToken);
  const programId = await makeProgram(admin, program);
  const liveKey = await makeKey(admin, programId, 'live', 'write');
  const testKey = await makeKey(admin, programId, 'test', 'write');
  return {
    hub,
    programId,
    admin,
    anonymous: new ApiClient(hub.url, null),
    live: new ApiClient(hub.url, liveKey),
    liveKey,
    reader: new ApiClient(hub.url, await makeKey(admin, programId, 'live', 'read')),
    ingest: new ApiClient(hub.url, await makeKey(admin, programId, 'live', 'ingest')),
    test: new ApiClient(hub.url, testKey),
    testKey,
    stranger: new ApiClient(hub.url, await makeKey(admin, await makeProgram(admin), 'live', 'write')),
    stop: () => hub.stop(),
  };
}

export async function makeKey(
  admin: ApiClient,
  programId: string,
  mode: 'live' | 'test',
  access: 'read' | 'write' | 'ingest',
  more: object = {},
): Promise<string> {
  const { status, body } = await admin.post(`/programs/${programId}/api-keys`, { name: 'key', mode, access, ...more });
  assert.equal(status, 201);
  return body.data.key as string;
}

export async function makeAffiliate(
  client: ApiClient,
  more: object = {},
): Promise<{ id: string; referralCode: string }> {
  return await make(client, '/affiliates', { displayName: 'Jane Smith', email: 'jane@example.com', ...more });
}

/** CPS, 10 %, unless said otherwise. */
export async function makeOffer(client: ApiClient, more: object = {}): Promise<{ id: string; code: string }> {
  const commission = { type: 'cps', rateBps: 1000 };
  return await make(client, '/offers', { name: 'Offer', url: 'https://shop.example/', commission, ...more });
}

export async function makeLink(client: ApiClient, body: object): Promise<{ id: string; code: string }> {
  return await make(client, '/tracking-links', body);
}

/** Creates an object and gives the answer's `data`. */
export async function make<T>(client: ApiClient, path: string, body: object): Promise<T> {
  const answer = await client.post(path, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data as T;
}

async function makeProgram(admin: ApiClient, more: object = {}): Promise<string> {
  return (await make<{ id: string }>(admin, '/programs', { name: 'Acme', ...more })).id;
}
