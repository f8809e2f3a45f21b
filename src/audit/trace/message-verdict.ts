import type { Rejection } from '../../domain/outcomes.ts';
import { verdictFor as verdict, type TraceCause, type Verdict } from './causes.ts';
import type { RefusedRequest } from './refused-requests.ts';
import { tellTime } from './sentences.ts';
import type { TracedMessage } from './trace-story.ts';

/** Why a message made no order, in sentences. Pure. */
export function messageVerdict(message: TracedMessage): Verdict {
  const { id, kind, outcome, reason, error, receivedAt } = message;
  const came = `A ${kind} message came at ${tellTime(receivedAt)} (${id})`;
  if (message.status === 'received') {
    return verdict(
      'waiting',
      `${came}; it waits to be settled.`,
      'It takes a second or so. If it stays so, GET /readyz says whether the worker runs.',
    );
  }
  if (message.status === 'failed') {
    return verdict(
      'failed',
      `${came}, and settling it failed: ${error ?? 'no reason is kept'}.`,
      `POST /inbox-events/${id}/replay settles it again, once the cause is gone.`,
    );
  }
  if (message.status === 'unprocessable') {
    return verdict(
      'unprocessable',
      `${came}, and cannot be read: ${error ?? 'no reason is kept'}.`,
      `It is kept: POST /inbox-events/${id}/replay reads it again, by the code of then.`,
    );
  }
  if (outcome === 'rejected') return rejectedMessage(came, message);
  if (message.status === 'ignored') {
    return verdict(
      'ignored',
      `${came}, and was ignored: ${reason ?? 'it concerns no order'}.`,
      'Switch on the events that GET /sources/ID lists as requiredEvents: they carry the money.',
    );
  }
  return verdict(
    'ignored',
    `${came} and was taken in, but tells of no order: it carries no money.`,
    'Send the sale as well: POST /conversions, or the event of the provider that carries the payment.',
  );
}

const rejectionCauses: Readonly<Record<Rejection, { cause: TraceCause; advice: string }>> = {
  click_not_found: {
    cause: 'click_unknown',
    advice:
      'Send the click id that /r/CODE or POST /clicks of this program made, in the same mode, and the message again.',
  },
  affiliate_not_found: {
    cause: 'affiliate_unknown',
    advice: 'Send the id or referral code that GET /affiliates shows, and the message again.',
  },
  offer_not_found: {
    cause: 'offer_unknown',
    advice: 'Send the id or code that GET /offers shows, and the message again.',
  },
  offer_not_active: {
    cause: 'offer_not_active',
    advice: 'PATCH /offers/ID {"status":"published"}, then POST /inbox-events/ID/replay takes the message in.',
  },
  amount_required: { cause: 'amount_required', advice: 'Send it again with amount and currency.' },
  amount_invalid: {
    cause: 'amount_invalid',
    advice: 'Send it again with an amount such as 149.90 and an ISO 4217 currency.',
  },
  occurred_at_in_future: { cause: 'message_rejected', advice: 'Send it again with the time at which it happened.' },
  order_not_found: { cause: 'order_unknown', advice: 'Send the sale first, or the order id under which it was sent.' },
};

function rejectedMessage(came: string, { reason, error, hint }: TracedMessage): Verdict {
  const known = Object.hasOwn(rejectionCauses, reason ?? '') ? rejectionCauses[reason as Rejection] : null;
  const why = error ?? reason ?? 'no reason is kept';
  const sentence = `${came}, and was not taken in: ${why}.${hint === '' ? '' : ` ${hint}`}`;
  return verdict(
    known?.cause ?? 'message_rejected',
    sentence,
    known?.advice ?? 'Correct what it says, and send it again.',
  );
}

const SENDS_KEY = 'Send a key of this program that may write or ingest, as Bearer or in `secure`.';

/** What to do about each word for why a request was turned away. */
const refusals: Readonly<Record<string, string>> = {
  signature_missing:
    'Let the provider itself send it: what stands between changes or leaves out the signature header, or the body.',
  signature_wrong:
    'The signing secret of the source is that of another endpoint: PATCH /sources/ID {"signingSecrets":["whsec_…"]} with the one that the provider shows for this URL, and let the provider send the message again.',
  signature_old: 'Let the provider send it again; where that is refused too, set the clock of the hub.',
  authorization_wrong:
    'Enter the header value that the source was given at the provider, or PATCH /sources/ID {"authorization":"…"} with the one there.',
  key_missing: SENDS_KEY,
  key_wrong: SENDS_KEY,
  key_may_not_send: SENDS_KEY,
  address: 'The sender is not among `allowedCidrs` of the source: add its network, or send from one that is.',
  macro:
    'The tracker sent its placeholder instead of a value: use the macro by the name that this tracker knows (GET /sources/presets has ready URLs).',
  source_deleted: 'The source was deleted: give the sender the URL of one that there is (GET /sources).',
  wrong_kind: 'Give the sender the URL of a source of its kind (GET /sources).',
  too_large: 'Send less at once: the body is larger than what is taken.',
  media_type: 'Send JSON, a form or a query, with its content type.',
  rate_limited: 'Send it again, more slowly: `Retry-After` of the answer says when.',
};

/** Why a request was turned away before it was stored. Pure. */
export function refusalVerdict({ reason, message, count, lastAt, sourceId }: RefusedRequest): Verdict {
  const times = count === 1 ? 'A request that carries it was' : `${count} requests that carry it were`;
  const where = sourceId === null ? 'at the door' : `at the door of the source ${sourceId}`;
  const advice = Object.hasOwn(refusals, reason) ? refusals[reason] : undefined;
  return verdict(
    'refused',
    `${times} refused ${where}, at ${tellTime(lastAt)}: ${message.replace(/\.$/, '')}.`,
    advice ?? 'Correct what the message says, and send it again: what was refused is not kept to be settled.',
  );
}
