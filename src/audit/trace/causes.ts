/** What has to go well from a message to a payment, in this order. */
export const traceSteps = [
  'arrived',
  'accepted',
  'understood',
  'attributed',
  'qualified',
  'kept',
  'approved',
  'paid',
] as const;
export type TraceStep = (typeof traceSteps)[number];

/** Why a sale earns nothing, or not yet, and at which step that shows; the last four say that it earns. */
export const traceCauses = {
  nothing_arrived: 'arrived',
  click_without_sale: 'arrived',
  sale_missing: 'arrived',
  other_mode: 'arrived',
  refused: 'accepted',
  waiting: 'understood',
  ignored: 'understood',
  unprocessable: 'understood',
  failed: 'understood',
  message_rejected: 'understood',
  duplicate: 'understood',
  parked: 'attributed',
  click_unknown: 'attributed',
  affiliate_unknown: 'attributed',
  stronger_evidence: 'attributed',
  outside_window: 'attributed',
  offer_unknown: 'qualified',
  order_unknown: 'qualified',
  offer_not_active: 'qualified',
  affiliate_not_active: 'qualified',
  self_referral: 'qualified',
  cpa_limit: 'qualified',
  cap: 'qualified',
  duration_over: 'qualified',
  renewal_not_paid: 'qualified',
  amount_required: 'qualified',
  amount_invalid: 'qualified',
  unknown_status: 'qualified',
  imported: 'qualified',
  no_money_yet: 'qualified',
  rejected: 'kept',
  refunded: 'kept',
  disputed: 'kept',
  in_review: 'approved',
  on_hold: 'approved',
  awaiting_approval: 'approved',
  merged: 'paid',
  earned: 'paid',
  in_payout: 'paid',
  paid: 'paid',
} as const satisfies Readonly<Record<string, TraceStep>>;
export type TraceCause = keyof typeof traceCauses;

/** What only time or a person's next click brings: nothing went wrong at that step. */
export const pendingCauses: ReadonlySet<TraceCause> = new Set<TraceCause>([
  'waiting',
  'no_money_yet',
  'on_hold',
  'awaiting_approval',
  'earned',
  'in_payout',
]);

/** Why, in sentences: paid, earned, or the first step that failed, with what to do about it. */
export interface Verdict {
  cause: TraceCause;
  step: TraceStep;
  sentence: string;
  /** Null: nothing is to be done. */
  advice: string | null;
}

/** The verdict of a cause, at its step. */
export function verdictFor(cause: TraceCause, sentence: string, advice: string | null): Verdict {
  return { cause, step: traceCauses[cause], sentence, advice };
}
