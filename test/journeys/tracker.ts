import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import type { TestHub } from '../support/hub.ts';
import { addClick, openLedger, type Ledger } from './ledger.ts';

/** A program with one affiliate, one click of theirs, and a source that a tracker fires at. */
export interface Tracker {
  ledger: Ledger;
  key: string;
  clickId: string;
  sourceId: string;
  /** Path and query of a postback about a sale of 10.00 by that click. */
  pathOf: (txid: string) => string;
}

export async function addTracker(hub: Pick<TestHub, 'db' | 'deps'>): Promise<Tracker> {
  const ledger = await openLedger(hub.db);
  const clickId = await addClick(ledger, { at: new Date().toISOString() });
  const { plaintext: key } = await createKey(hub.db, ledger.programId, { name: 'k', mode: 'live', access: 'write' });
  const source = await createSource(hub.db, hub.deps.secrets, ledger.programId, {
    kind: 'postback',
    settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
    secrets: null,
  });
  return {
    ledger,
    key,
    clickId,
    sourceId: source.id,
    pathOf: (txid) => `/pb/${source.id}?cid=${clickId}&txid=${txid}&sum=10.00&currency=USD&secure=${key}`,
  };
}
