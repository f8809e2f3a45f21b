import type { Db } from '../../db/db.ts';
import { AppError } from '../../domain/errors.ts';
import { leadPolicy, limitNetwork } from '../../http/network-limits.ts';
import type { Fact, Normalized } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import { clickOf, isTestClick } from '../../domain/test-clicks.ts';
import { findAnyClick } from '../../program/clicks.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { admitBrowser, toAnonymousLead } from './browser-lead.ts';
import { badRequest, readBody } from './errors.ts';
import { leadFact } from './lead-fact.ts';
import { trackLimits } from './limits.ts';
import { findProgramId } from './numbers.ts';
import { leadBody, trackingBody, type LeadBody } from './schemas.ts';
import { describeTest, isTestMode } from './test-mode.ts';
import { findWho, type Who } from './who.ts';

/**
 * `POST /track/lead`: a signup, which binds the customer to the click. By a server with its API key, or by a browser
 * without one, where the program takes such leads. https://docs.affitor.com/api-reference/track-lead, read 2026-11.
 */
export const leadRoute = defineDialectRoute({
  method: 'post',
  path: ['/api/v1/track/lead', '/api/tracking/lead'],
  auth: 'optional',
  access: 'ingest',
  scope: 'conversions:write',
  limits: trackLimits,
  anyOrigin: true,
  body: trackingBody,
  handle: async (deps, request) => {
    const { principal, receivedAt, req } = request;
    // The page: a header that is there and holds no valid token is refused, whatever it holds.
    if (!principal && req.headers.authorization?.trim()) throw new AppError('INVALID_API_KEY', 'Invalid API token');
    if (!principal) await limitNetwork(deps, req, request.res, leadPolicy);
    const test = isTestMode(request.body);
    const body = readBody(leadBody, request.body);
    if (!body.click_id && !body.customer_key && !test) throw badRequest('click_id or customer_key is required');
    const click = body.click_id ? await findAnyClick(deps.db, clickOf(body.click_id)) : null;
    const wanted = test ? body.additional_data?.program_id : null;
    const programId =
      principal?.programId ?? click?.programId ?? (wanted ? await findProgramId(deps.db, wanted) : null);
    if (programId === null) throw badRequest(test ? PROGRAM_REQUIRED : NOT_FOUND);
    if (click && click.programId !== programId) throw badRequest('Customer does not belong to this program');
    const isLiveCaller = principal ? principal.mode === 'live' : click?.livemode !== false;
    const livemode = isLiveCaller && !test && !(body.click_id && isTestClick(body.click_id));
    const said = { clickId: click?.id ?? null, key: body.customer_key, email: body.email?.toLowerCase() ?? null };
    const lead = principal
      ? toLead(await findKnown(deps.db, { programId, livemode }, body, test), said.email, receivedAt)
      : toAnonymousLead(await admitBrowser(deps.db, programId, { ...said, test }), receivedAt);
    const normalized: Normalized = { kind: 'facts', livemode, facts: [lead] };
    const { id } = await submitRequest(deps, request, { programId, kind: 'event', normalized });
    // A repeated lead adds nothing, and is answered like the first.
    return answer(200, {
      success: true,
      message: 'Lead tracked successfully',
      ...(test ? await describeTest(deps.db, 'lead', programId, id) : {}),
    });
  },
});

async function findKnown(db: Db, scope: Scope, body: LeadBody, test: boolean): Promise<Who> {
  const who = await findWho(db, scope, body);
  if (who.clickId === null && !who.customer && !test) throw badRequest(NOT_FOUND);
  return who;
}

const NOT_FOUND = 'Customer not found. Provide a valid click_id or customer_key.';
const PROGRAM_REQUIRED = 'additional_data.program_id is required in test mode without an API key';

/** One lead a customer key; without one, one a click. */
function toLead({ clickId, refs }: Who, email: string | null, receivedAt: Date): Fact {
  const [subject = `test:${receivedAt.toISOString()}`] = refs;
  const customer = refs.length > 0 || email !== null ? { refs, email } : null;
  return leadFact('affitor-lead', subject, { clickId, customer }, receivedAt);
}
