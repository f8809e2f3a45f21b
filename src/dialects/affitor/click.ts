import { readTags } from '../../api/link-tags.ts';
import type { Deps } from '../../deps.ts';
import { readQueryPairs } from '../../domain/byte-text.ts';
import { clipText } from '../../http/clip-text.ts';
import { isCrawler } from '../../http/crawlers.ts';
import { clickPolicy, limitNetwork, unknownCodePolicy } from '../../http/network-limits.ts';
import { newId } from '../../domain/ids.ts';
import { namedBy } from '../../domain/scope.ts';
import { listAffiliates } from '../../program/affiliates.ts';
import { findAnyClick, type Click } from '../../program/clicks.ts';
import { answer, defineDialectRoute, type DialectAnswer } from '../dialect.ts';
import { badRequest, readBody } from './errors.ts';
import { trackLimits } from './limits.ts';
import { findProgramId } from './numbers.ts';
import { findReferral, readWindowDays, type Referral } from './referral.ts';
import { clickBody, testClickBody, trackingBody } from './schemas.ts';
import { describeTest, isTestMode } from './test-mode.ts';

/**
 * `POST /track/click`: the landing of a visitor with `?aff=CODE`, reported by the browser script or a server; the code is
 * the only proof. https://docs.affitor.com/api-reference/track-click, read 2026-11.
 */
export const clickRoute = defineDialectRoute({
  method: 'post',
  path: ['/api/v1/track/click', '/api/tracking/click'],
  auth: 'none',
  access: 'write',
  scope: 'clicks:write',
  mayHoldKeys: true,
  limits: trackLimits,
  anyOrigin: true,
  body: trackingBody,
  handle: async (deps, { body: given, receivedAt, req, res }) => {
    const test = isTestMode(given);
    const body = readBody(test ? testClickBody : clickBody, given);
    const landing = readLanding(body.affiliate_url ?? '', test);
    // By what it says, before anything is looked up; below by what it is, however it is written.
    if (landing) await limitNetwork(deps, req, res, clickPolicy, `said ${landing.code}`);
    const wanted = body.program_id ?? body.additional_data?.program_id ?? null;
    const isNamed = wanted !== null && wanted !== '';
    const programId = isNamed ? await findProgramId(deps.db, wanted) : null;
    const referred = landing && (await findReferral(deps.db, landing.code, programId, test));
    // A link leads where it leads; a referral code is that of the program that is named, which is none here.
    const found = isNamed && programId === null && referred?.linkId === null ? null : referred;
    const referral = found ?? (test && programId !== null ? await chooseReferral(deps, programId) : null);
    if (!referral) {
      await limitNetwork(deps, req, res, unknownCodePolicy);
      throw badRequest('Referral link not found');
    }
    await limitNetwork(deps, req, res, clickPolicy, referral.linkId ?? referral.affiliateId);
    if (isCrawler(body.user_agent || req.headers['user-agent'])) {
      return answer(200, { success: false, message: 'Crawlers make no clicks' });
    }
    if (!referral.active) return answer(200, { success: false, message: 'Referral link is inactive' });
    const code = landing?.code ?? referral.affiliateId;
    const known = test ? null : await findReusable(deps, body.existing_click_id, referral, receivedAt);
    if (known !== null) return await answerClick(known, code, referral);
    const clickId = newId('clk');
    const click: Click = {
      id: test ? clickId.replace(/^clk_/, 'test_') : clickId,
      programId: referral.programId,
      livemode: !test,
      affiliateId: referral.affiliateId,
      offerId: referral.offerId,
      linkId: referral.linkId,
      occurredAt: receivedAt,
      sub1: landing?.sub('sub1') ?? null,
      sub2: landing?.sub('sub2') ?? null,
      sub3: landing?.sub('sub3') ?? null,
      sub4: landing?.sub('sub4') ?? null,
      sub5: landing?.sub('sub5') ?? null,
      utm: null,
      ip: req.ip ?? null,
      userAgent: clipText((body.user_agent ?? req.headers['user-agent']) || null, 512),
      sourceUrl: clipText(body.referrer_url || null, 2048),
    };
    await deps.clicks.record(click);
    return await answerClick(
      click.id,
      code,
      referral,
      test ? await describeTest(deps.db, 'click', referral.programId, click.id) : {},
    );
  },
});

/** The code in a landing URL, and what else the affiliate put there; null where a test needs none. */
function readLanding(text: string, test: boolean) {
  if (test && text === '') return null;
  const url = URL.parse(text);
  if (!url) throw badRequest('Invalid affiliate_url');
  const pairs = readQueryPairs(url.search);
  const first = (name: string): string | undefined => pairs.find(([each]) => each === name)?.[1];
  const code = first('aff')?.trim() ?? '';
  if (code === '' || code.length > 255 || code.includes('\0')) {
    throw badRequest('No aff parameter found in affiliate_url');
  }
  const tags = readTags(url.search.slice(1).replaceAll('%00', ''));
  return { code, sub: (name: string) => tags.find((tag) => tag.name === name)?.text ?? null };
}

/** A visitor who comes by the same partner again keeps the click while it counts. */
async function findReusable(
  { db }: Pick<Deps, 'db'>,
  clickId: string | null | undefined,
  referral: Referral,
  now: Date,
): Promise<string | null> {
  const click = clickId ? await findAnyClick(db, clickId) : null;
  if (!click?.livemode || click.programId !== referral.programId) return null;
  const isSame = click.affiliateId === referral.affiliateId && click.offerId === referral.offerId;
  const ageMs = now.getTime() - click.occurredAt.getTime();
  return isSame && ageMs <= referral.windowDays * DAY_MS ? click.id : null;
}

const DAY_MS = 86_400_000;

/** A test that names no partner takes any active one of the program. */
async function chooseReferral({ db }: Pick<Deps, 'db'>, programId: string): Promise<Referral | null> {
  const { items } = await listAffiliates(
    db,
    namedBy({ programId, livemode: false }),
    { statuses: ['active'] },
    { limit: 1 },
  );
  const [affiliate] = items;
  if (!affiliate) return null;
  const windowDays = await readWindowDays(db, programId, null);
  return { programId, affiliateId: affiliate.id, offerId: null, linkId: null, active: true, windowDays };
}

/** The cookie works where the hub is on the shop's site; elsewhere browsers ignore it, and the script sets its own. */
async function answerClick(
  clickId: string,
  code: string,
  { windowDays }: Referral,
  test: object = {},
): Promise<DialectAnswer> {
  const body = { success: true, click_id: clickId, partner_code: code, cookie_window_days: windowDays, ...test };
  const cookie = `affitor_click_id=${encodeURIComponent(clickId)}; Path=/; Max-Age=${windowDays * 86_400}; SameSite=Lax`;
  return answer(200, body, { 'Set-Cookie': cookie });
}
