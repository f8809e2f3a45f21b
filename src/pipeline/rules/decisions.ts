import type { Fact, FactOf } from '../../domain/facts.ts';
import { furthestTracker } from './summarize.ts';

/** Why a person cannot approve or reject a commission in this state; null where they can. */
export function findObjection(
  { status, kind }: { status: string; kind: string | null },
  wanted: FactOf<'decision'>['status'],
  facts: readonly Fact[],
): string | null {
  if (status !== 'pending' && !(status === 'approved' && wanted === 'rejected')) {
    return `The commission is ${status} and cannot be ${wanted}`;
  }
  if (wanted === 'rejected') return null;
  const tracker = furthestTracker(facts.map((fact) => ({ fact })))?.state;
  if (tracker === 'lead' || tracker === 'hold') {
    return `The tracker says ${tracker}: the commission cannot be approved yet`;
  }
  const isPayable = facts.some(({ type }) => type === 'action' || type === 'sale') || tracker === 'sale';
  return kind === 'lead' && !isPayable ? 'A lead earns nothing by itself and cannot be approved' : null;
}
