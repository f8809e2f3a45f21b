import type { Outcome } from '../../domain/outcomes.ts';

/** What one inbox event came to. */
export interface EventOutcome {
  eventId: string;
  outcome: Outcome;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
}
