import type { Normalized } from './facts.ts';

/** The hub's own test clicks: the ids of clicks with another prefix. */
const ownTestClick = /^test_[0-9a-f]{32}$/;

/** Whether a click id says that whatever names it is a test. */
export function isTestClick(clickId: string): boolean {
  return clickId.startsWith('test_');
}

/**
 * The click that an id names. `test_` before the id of any other click is no part of it: it says that what names the click is
 * a test (api.affs.space, read 2026-11).
 */
export function clickOf(clickId: string): string {
  return isTestClick(clickId) && !ownTestClick.test(clickId) ? clickId.slice('test_'.length) : clickId;
}

/**
 * For senders who say in another way whether a message is a test: the same facts, of a test with the clicks that are meant. What
 * is live names no test click, and so stays as it is.
 */
export function withClicksOfTests(normalized: Normalized): Normalized {
  if (normalized.livemode || normalized.kind !== 'facts') return normalized;
  const facts = normalized.facts.map((fact) => {
    const { clickId, reference } = fact.evidence;
    if (![clickId, reference].some((id) => id !== undefined && clickOf(id) !== id)) return fact;
    const evidence = {
      ...fact.evidence,
      ...(clickId === undefined ? {} : { clickId: clickOf(clickId) }),
      ...(reference === undefined ? {} : { reference: clickOf(reference) }),
    };
    return { ...fact, evidence };
  });
  return { ...normalized, facts };
}
