import * as fc from 'fast-check';

/** What a person may decide of one order, by any of its references, where its state admits that then. */
export type PersonsDecision = { order: string } & ({ status: 'approved' | 'rejected' } | { affiliate: 'a' | 'b' });

/** What people do between facts: decide, then pay all that is payable. Facts are permuted only between breaks. */
export interface Break {
  /** How many of the events come before. */
  after: number;
  decisions: PersonsDecision[];
  pays: boolean;
}

/** Up to four breaks, in which people decide about some of the orders that these references know, pay, or both. */
export function arbitraryBreaks(
  references: string[],
  events: number,
  { fewest } = { fewest: 0 },
): fc.Arbitrary<Break[]> {
  const decision: fc.Arbitrary<PersonsDecision> = fc
    .tuple(fc.constantFrom(...references), fc.constantFrom('approved', 'approved', 'rejected', 'a', 'b', 'b'))
    .map(([order, said]) =>
      said === 'approved' || said === 'rejected' ? { order, status: said } : { order, affiliate: said },
    );
  const one = fc.record({
    after: fc.integer({ min: 1, max: Math.max(1, events) }),
    decisions: fc.array(decision, { maxLength: 4 }),
    pays: fc.boolean(),
  });
  return fc
    .array(one, { minLength: fewest, maxLength: 4, size: 'max' })
    .map((breaks) => breaks.toSorted((a, b) => a.after - b.after));
}
