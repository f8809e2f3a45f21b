// When to try again. Time and chance are passed in.

/**
 * Each delay is made up to this share longer or shorter, so that messages that failed together do not return together.
 */
const JITTER = 0.2;

/** The longest that a receiver may ask us to wait. */
const MAX_RETRY_AFTER_S = 24 * 3600;

export interface Answered {
  /** Null: no answer came. */
  responseStatus: number | null;
}

export interface RetryPlan {
  /** Failures in this round of the schedule before this attempt. */
  step: number;
  at: Date;
  /** Delays after each failure. */
  retryScheduleS: readonly number[];
  /** From 0 to 1. */
  random: () => number;
  /** What the answer's Retry-After asks for. */
  retryAfterS: number | null;
}

/** Any 2xx is delivered; all else, a redirect too, is a failure. */
export function isDelivered({ responseStatus }: Answered): boolean {
  return responseStatus !== null && responseStatus >= 200 && responseStatus < 300;
}

/** The receiver says that it is gone for good. */
export function isGone({ responseStatus }: Answered): boolean {
  return responseStatus === 410;
}

/** When a failed delivery is due again; null when the schedule is used up. */
export function planRetry(plan: RetryPlan): Date | null {
  const delayS = plan.retryScheduleS[plan.step];
  if (delayS === undefined) return null;
  const spreadS = delayS * (1 - JITTER + 2 * JITTER * plan.random());
  return new Date(plan.at.getTime() + Math.max(spreadS, plan.retryAfterS ?? 0) * 1000);
}

/**
 * The seconds that a Retry-After header asks for, as a number or as an HTTP date; null where there is none or it makes
 * no sense.
 */
export function parseRetryAfter(value: string | string[] | undefined, now: Date): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (!text) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return null;
  return Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_S);
}

/** After this many failures in a row an endpoint is left alone for a while, then tried with one delivery at a time. */
export const BREAKER_THRESHOLD = 20;

/** The longest pause: short enough that an endpoint gets its messages soon after it is back. */
const MAX_BREAKER_PAUSE_S = 60;

/** How long to leave an endpoint alone, in seconds, after this many failures in a row; 0 below the threshold. */
export function planPause(failures: number, retryScheduleS: readonly number[]): number {
  if (failures < BREAKER_THRESHOLD) return 0;
  const firstS = Math.min(5, retryScheduleS[0] ?? 5);
  return Math.min(MAX_BREAKER_PAUSE_S, firstS * 2 ** Math.min(failures - BREAKER_THRESHOLD, 16));
}

/** An endpoint that has only failed for this long is disabled. */
export const DISABLE_AFTER_MS = 5 * 24 * 3600 * 1000;
