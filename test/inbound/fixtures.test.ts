import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { AppError } from '../../src/domain/errors.ts';
import { factSchema } from '../../src/domain/facts.ts';
import type { Fact, Normalized } from '../../src/domain/facts.ts';
import { postbackSettingsSchema } from '../../src/program/sources.ts';
import { normalizeConversion, normalizeFunnelEvent } from '../../src/inbound/conversion/normalize.ts';
import { readMessage } from '../../src/inbound/postback/message.ts';
import { normalizePostback } from '../../src/inbound/postback/normalize.ts';
import { findPreset, presets } from '../../src/inbound/postback/presets.ts';
import { compileSettings } from '../../src/inbound/postback/settings.ts';

const folder = new URL('../../fixtures/', import.meta.url);
const context = { livemode: true, receivedAt: new Date('2026-11-20T12:00:00.000Z'), orderScope: null, keyless: null };

const list = (path: string): string[] => readdirSync(new URL(path, folder)).sort();
const read = (path: string): string =>
  readFileSync(new URL(path, folder), 'utf8')
    .trim()
    .replaceAll('__CLICK_ID__', 'clk_1')
    .replaceAll('__AFFILIATE_ID__', 'aff_1');

function onlyFact(normalized: Normalized): Fact {
  assert.equal(normalized.kind, 'facts');
  assert.equal(normalized.facts.length, 1);
  return factSchema.parse(normalized.facts[0]);
}

function readPostback(path: string, preset: string | null): Fact {
  const rules = compileSettings(postbackSettingsSchema.parse({ preset }));
  const text = read(path);
  const isQuery = path.endsWith('.query');
  const { pairs } = readMessage(
    {
      url: isQuery ? `/pb/src_1?${text}` : '/pb/src_1',
      body: Buffer.from(isQuery ? '' : text),
      contentType: path.endsWith('.json') ? 'application/json' : 'application/x-www-form-urlencoded',
    },
    rules.names,
  );
  return onlyFact(normalizePostback(pairs, rules, context));
}

describe('the postback fixtures', () => {
  it('have a folder for each preset', () => {
    const folders = list('postback/').filter((name) => findPreset(name));
    assert.deepEqual(folders, presets.map(({ id }) => id).sort());
  });

  for (const { id } of presets) {
    it(`of ${id} are about one order each, found by the click`, () => {
      for (const file of list(`postback/${id}/`)) {
        const fact = readPostback(`postback/${id}/${file}`, id);
        assert.equal(fact.evidence.clickId, 'clk_1', file);
        assert.ok(fact.refs.length === 1 && !fact.refs[0]?.startsWith('call:'), file);
      }
    });
  }

  it('without a preset say the same by query, form and JSON', () => {
    const types = list('postback/plain/').map((file) => readPostback(`postback/plain/${file}`, null).type);
    assert.deepEqual(types, ['sale', 'sale', 'sale', 'sale', 'action']);
  });

  it('repeated in a story are the same fact', () => {
    assert.deepEqual(
      readPostback('postback/voluum/02-repeat.query', 'voluum'),
      readPostback('postback/voluum/01-purchase.query', 'voluum'),
    );
    assert.deepEqual(
      readPostback('postback/keitaro/03-late-lead.query', 'keitaro').id,
      readPostback('postback/keitaro/01-lead.query', 'keitaro').id,
    );
  });

  for (const file of list('postback/broken/')) {
    it(`broken by ${file} are refused in words`, () => {
      assert.throws(
        () => readPostback(`postback/broken/${file}`, null),
        (error) => error instanceof AppError && error.status === 400 && error.message.length > 10,
      );
    });
  }
});

describe('the conversion fixtures', () => {
  const files = list('conversion/').filter((file) => file.endsWith('.json'));
  const facts = files.map((file) =>
    onlyFact(normalizeConversion(JSON.parse(read(`conversion/${file}`)) as unknown, context)),
  );

  it('say the same sale in three spellings', () => {
    assert.equal(new Set(facts.slice(0, 3).map(({ id }) => id)).size, 1);
  });

  it('are sales and actions', () => {
    assert.deepEqual(
      facts.map(({ type }) => type),
      [...Array<string>(3).fill('sale'), 'action', ...Array<string>(6).fill('sale')],
    );
  });

  it('of events are two funnel facts and a lead', () => {
    const types = list('conversion/events/').map((file) => {
      const body = JSON.parse(read(`conversion/events/${file}`)) as unknown;
      return onlyFact(normalizeFunnelEvent(body, context)).type;
    });
    assert.deepEqual(types, ['funnel', 'funnel', 'lead']);
  });
});
