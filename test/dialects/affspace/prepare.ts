import { everythingOf } from '../../../src/domain/scope.ts';
import { newId } from '../../../src/domain/ids.ts';
import { insertClicks } from '../../../src/program/clicks.ts';
import { createOffer, updateOffer } from '../../../src/program/offers.ts';
import { updateProgram } from '../../../src/program/programs.ts';
import { createSource, postbackSettingsSchema } from '../../../src/program/sources.ts';
import type { ConformanceProgram } from '../conformance.ts';

/** Clicks of several offers, and endpoints, by name in `program.kept`. */
export async function prepare(program: ConformanceProgram): Promise<void> {
  const { hub, programId, kept } = program;
  await updateProgram(hub.db, programId, { companyName: 'Acme Inc', contactEmail: 'team@acme.com' });
  const cpa = await createOffer(
    hub.db,
    { programId, livemode: true },
    {
      name: 'My Product Offer',
      url: 'https://shop.example.com/signup',
      code: 'MYOFFER123',
      commission: { type: 'cpa', amountMinor: 3000 },
    },
  );
  const revshare = await createOffer(
    hub.db,
    { programId, livemode: true },
    {
      name: 'Subscription',
      url: 'https://shop.example.com/plans',
      code: 'REVSHARE',
      commission: { type: 'revshare', rateBps: 1500, durationMonths: null },
    },
  );
  const paused = await createOffer(
    hub.db,
    { programId, livemode: true },
    {
      name: 'Old',
      url: 'https://shop.example.com',
      commission: { type: 'cpa', amountMinor: 1 },
    },
  );
  await updateOffer(hub.db, everythingOf(programId), paused.id, { status: 'paused' });
  for (let n = 1; n <= 8; n += 1) kept[`cpa-${n}`] = await makeClick(program, cpa.id);
  for (let n = 1; n <= 6; n += 1) kept[`cps-${n}`] = await makeClick(program, program.offerId);
  kept['revshare'] = await makeClick(program, revshare.id);
  kept['paused'] = await makeClick(program, paused.id);
  kept['foreign'] = await makeClick({ ...program, ...program.other }, program.other.offerId);
  kept['primary'] = await makeEndpoint(program, { purpose: 'primary', preset: 'affspace' });
  kept['secondary'] = await makeEndpoint(program, { purpose: 'secondary', eventType: 'registration' });
}

async function makeClick(
  { hub, programId, affiliateId }: Pick<ConformanceProgram, 'hub' | 'programId' | 'affiliateId'>,
  offerId: string,
): Promise<string> {
  const id = newId('clk');
  const subs = { sub1: null, sub2: null, sub3: null, sub4: null, sub5: null };
  const seen = { ip: null, userAgent: null, sourceUrl: null, utm: null, linkId: null };
  const occurredAt = new Date(Date.now() - 60_000);
  await insertClicks(hub.db, [{ id, programId, livemode: true, affiliateId, offerId, occurredAt, ...subs, ...seen }]);
  return id;
}

async function makeEndpoint({ hub, programId }: ConformanceProgram, settings: object): Promise<string> {
  const input = { kind: 'postback', settings: postbackSettingsSchema.parse(settings), secrets: null } as const;
  return (await createSource(hub.db, hub.deps.secrets, programId, input)).id;
}
