import type { Logger } from 'pino';
import type { Clock } from '../../domain/clock.ts';
import type { Tracing } from '../../process/tracing/tracing.ts';
import type { AddressGuard } from '../guard/address-guard.ts';
import type { Lease } from '../wire/lease.ts';
import type { Destination } from './destinations.ts';
import type { AttemptRecord } from './records.ts';
import { isDelivered, isGone, parseRetryAfter, planRetry } from '../wire/schedule.ts';
import type { Answer, HttpSender, OutgoingRequest } from './send.ts';
import { postbackHeaders, webhookHeaders } from './request-headers.ts';

export interface AttemptDeps {
  clock: Clock;
  log: Logger;
  guard: AddressGuard;
  retryScheduleS: readonly number[];
  random?: () => number;
  tracing?: Tracing | null;
  onAttempt?: (record: AttemptRecord) => void;
}

/**
 * Makes one attempt and says what follows from it. Null where there was none, through our own fault (no secret, no
 * request): that is not held against the endpoint, and the delivery is tried again when its lease has run out. All
 * other failures, a refused URL too, are failed attempts.
 */
export async function attemptDelivery(
  deps: AttemptDeps,
  http: HttpSender,
  lease: Lease,
  destination: Destination,
): Promise<AttemptRecord | null> {
  const attemptedAt = deps.clock.now();
  const request = buildRequest(deps.guard, lease, destination, attemptedAt);
  if ('internal' in request) {
    deps.log.error({ ...nameDelivery(lease, destination), problem: request.internal }, 'delivery not attempted');
    return null;
  }
  const { messageId, endpointId, attempts } = lease;
  const endSpan = deps.tracing?.spanAttempt({ messageId, endpointId, attempt: attempts + 1 });
  const answer = 'refused' in request ? refuse(request.refused) : await http.send(request);
  const record = judgeAnswer(deps, lease, answer, attemptedAt);
  const host = 'url' in request ? request.url.host : null;
  const method = 'url' in request ? request.method : 'POST';
  endSpan?.({ method, host, status: record.responseStatus, error: record.error });
  logAttempt(deps.log, record, destination, host);
  deps.onAttempt?.(record);
  return record;
}

function judgeAnswer(deps: AttemptDeps, lease: Lease, answer: Answer, attemptedAt: Date): AttemptRecord {
  const { responseStatus, responseBody, durationMs } = answer;
  const succeeded = isDelivered(answer);
  const retryAfterS = succeeded ? null : parseRetryAfter(answer.retryAfter, deps.clock.now());
  const { step, trigger } = lease;
  const { retryScheduleS, random = Math.random } = deps;
  const isLast = succeeded || isGone(answer) || trigger === 'test';
  return {
    lease,
    succeeded,
    responseStatus,
    responseBody,
    retryAfterS,
    error: succeeded ? null : (answer.error ?? explainStatus(responseStatus)),
    durationMs,
    attemptedAt,
    nextAttemptAt: isLast ? null : planRetry({ step, at: deps.clock.now(), retryScheduleS, random, retryAfterS }),
  };
}

function explainStatus(status: number | null): string | null {
  if (status === 410) return 'gone: the endpoint asked not to be called again';
  if (status !== null && status >= 300 && status < 400) return 'redirects are not followed';
  return `answered ${status}`;
}

type Built = OutgoingRequest | { refused: string } | { internal: string };

function buildRequest(guard: AddressGuard, lease: Lease, destination: Destination, at: Date): Built {
  const { problem } = destination;
  if (problem) return problem.kind === 'refused' ? { refused: problem.text } : { internal: problem.text };
  if (destination.kind === 'postback') return buildPostback(guard, lease, destination);
  if (!destination.url || !destination.signerAt) return { internal: 'the endpoint has no URL or no secret' };
  return {
    url: destination.url,
    method: 'POST',
    headers: {
      ...destination.headers,
      ...webhookHeaders,
      ...destination.signerAt(at).sign(lease.messageId, at, lease.body),
    },
    body: lease.body,
  };
}

function buildPostback(guard: AddressGuard, { request }: Lease, { headers }: Destination): Built {
  if (!request) return { internal: 'the postback has no request' };
  const check = guard.checkUrl(request.url);
  if (!check.ok) return { refused: `the URL ${check.problem}` };
  const { method, body } = request;
  return { url: check.url, method, headers: { ...postbackHeaders(body), ...headers }, body };
}

function refuse(text: string): Answer {
  return { responseStatus: null, responseBody: null, retryAfter: undefined, error: `refused: ${text}`, durationMs: 0 };
}

/**
 * One line for each attempt, with all its fields. Bodies, headers and query strings may hold secrets and are left out. That
 * one succeeded is for those who look closely: its row says so, and a line for each would drown the failures.
 */
function logAttempt(log: Logger, record: AttemptRecord, destination: Destination, host: string | null): void {
  const level = record.succeeded ? 'debug' : 'info';
  if (!log.isLevelEnabled(level)) return;
  const { lease, succeeded, responseStatus, error, durationMs, nextAttemptAt } = record;
  const { trigger, step } = lease;
  log[level](
    {
      ...nameDelivery(lease, destination),
      kind: destination.kind,
      host,
      trigger,
      step,
      succeeded,
      responseStatus,
      error,
      durationMs,
      nextAttemptAt,
    },
    'delivery attempt',
  );
}

function nameDelivery({ messageId, endpointId }: Lease, { programId }: Destination): object {
  return { messageId, endpointId, programId };
}
