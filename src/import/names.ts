import type { Evidence } from '../domain/facts.ts';
import { foldCode } from '../domain/codes.ts';
import type { Known } from './known.ts';
import type { ImportedClick, ImportedCustomer, ImportedLink, ImportedOrder, Located } from './records.ts';
import type { Tally } from './tally.ts';

/** The program that is imported into. */
export interface PlanContext {
  programId: string;
  defaultOfferId: string | null;
  now: Date;
}

interface KnownLink {
  affiliateId: string;
  offerId: string;
}

/**
 * What the names in the files stand for: ids and codes of what the program has, or gets by this import. A name that stands
 * for nothing is a problem.
 */
export class Names {
  /** Each name that rows may use, with the id that it has or will have here. */
  readonly affiliates = new Map<string, string>();
  readonly offers = new Map<string, string>();
  readonly links = new Map<string, KnownLink>();
  readonly clicks = new Set<string>();
  /** The offer that becomes the default one where the program has none. */
  firstNewOffer: string | null = null;
  readonly #known: Known;
  readonly #context: PlanContext;
  readonly #tally: Tally;

  constructor(known: Known, context: PlanContext, tally: Tally) {
    this.#known = known;
    this.#context = context;
    this.#tally = tally;
  }

  /** Who referred a customer or an order, as evidence. Null where a name is refused; `{}` where nobody is named. */
  evidenceOf(record: Located<ImportedCustomer | ImportedOrder>, required: boolean): Evidence | null {
    const { affiliate, clickId, offer } = record;
    if (required && affiliate === null && clickId === null) {
      this.#tally.refuse(record, 'affiliate', 'is required, or a click');
      return null;
    }
    const affiliateId = affiliate === null ? null : this.affiliateOf(record);
    const offerId = offer === null ? null : this.offerOf(record, false);
    const knowsClick =
      clickId !== null &&
      (this.clicks.has(clickId) || this.#known.clicks.get(clickId)?.programId === this.#context.programId);
    // A click that is too old to have been exported matters only where nothing else names the affiliate.
    if (clickId !== null && !knowsClick && affiliate === null) {
      this.#tally.refuse(
        record,
        'clickId',
        `'${clickId}' is no click of this program: import the clicks, too, or name the affiliate`,
      );
      return null;
    }
    if ((affiliate !== null && !affiliateId) || (offer !== null && !offerId)) return null;
    if (required && affiliateId === null && !knowsClick) return null;
    return {
      ...(affiliateId === null ? {} : { affiliate: affiliateId }),
      ...(knowsClick ? { clickId } : {}),
      ...(offerId === null ? {} : { offer: offerId }),
    };
  }

  linkOf(code: string): KnownLink | undefined {
    const known = this.#known.links.get(code);
    return this.links.get(code) ?? (known?.programId === this.#context.programId ? known : undefined);
  }

  affiliateOf(record: Located<ImportedLink | ImportedClick | ImportedCustomer | ImportedOrder>): string | null {
    const name = record.affiliate ?? '';
    const known = this.#known.affiliates.get(name)?.programId === this.#context.programId ? name : null;
    const found =
      this.affiliates.get(name) ??
      this.affiliates.get(foldCode(name)) ??
      known ??
      this.#known.referralCodes.get(foldCode(name));
    if (found === undefined) this.#tally.refuse(record, 'affiliate', `'${name}' is the id or code of no affiliate`);
    return found ?? null;
  }

  /** The offer that is named, else the program's default. `needed`: to have neither is a problem. */
  offerOf(
    record: Located<ImportedLink | ImportedClick | ImportedCustomer | ImportedOrder>,
    needed: boolean,
  ): string | null {
    const name = record.offer;
    if (name === null) {
      const usual = this.#context.defaultOfferId ?? this.firstNewOffer;
      if (usual === null && needed)
        this.#tally.refuse(record, 'offer', 'is needed: the program has no offer yet. Create one first');
      return usual;
    }
    const known = this.#known.offers.get(name)?.programId === this.#context.programId ? name : undefined;
    const found = this.offers.get(name) ?? known ?? this.#known.offerCodes.get(name);
    if (found === undefined)
      this.#tally.refuse(
        record,
        'offer',
        `'${name}' is the id or code of no offer: create it first, or import the offers, too`,
      );
    return found ?? null;
  }
}
