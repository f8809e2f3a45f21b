import type { Normalized } from '../../domain/facts.ts';
import { parseJsonBytes } from '../../domain/json-text.ts';
import { withClicksOfTests } from '../../domain/test-clicks.ts';
import { normalizeStripe } from './normalize.ts';

/** What decides how a message is read. */
export interface StripeReading {
  /** The source's mode; true: each event says so itself. A test source makes no live rows, whatever comes by it. */
  livemode: boolean;
  /** When the message was received; see `normalizeStripe`. */
  receivedAt: Date;
}

/** The bytes of an authentic message as canonical facts: when it arrives, and again when it is replayed. Never throws. */
export function readStripeBody(raw: Buffer, reading: StripeReading): Normalized {
  const parsed = parseJson(raw);
  if (parsed === null) {
    return { kind: 'unprocessable', livemode: reading.livemode, error: 'the body is not JSON' };
  }
  const normalized = normalizeStripe(parsed.value, reading.receivedAt);
  return withClicksOfTests(reading.livemode ? normalized : { ...normalized, livemode: false });
}

function parseJson(raw: Buffer): { value: unknown } | null {
  try {
    return { value: parseJsonBytes(raw) };
  } catch {
    return null;
  }
}
