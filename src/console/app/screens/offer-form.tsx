import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { call } from '../call.ts';
import { AreaField, ChoiceField, TextField } from '../parts/fields.tsx';
import { changesOf, fieldProblem, FormView, useForm, type Form } from '../parts/form.tsx';
import { useAddress, usePlace, useWhere } from '../place.tsx';
import { readTerms, termsInWords, typedTerms } from '../terms.ts';
import type { Offer } from '../types.ts';
import { numberOf } from './typed-number.ts';

function typedOf(offer: Offer | null, currency: string) {
  return {
    name: offer?.name ?? '',
    url: offer?.url ?? '',
    code: offer?.code ?? '',
    description: offer?.description ?? '',
    currency: offer?.currency ?? currency,
    attributionWindowDays: String(offer?.attributionWindowDays ?? 30),
    dailyCap: String(offer?.dailyCap ?? 0),
    status: offer?.status ?? 'published',
    ...typedTerms(offer?.commission ?? null, offer?.currency ?? currency),
  };
}
type Typed = { [N in keyof ReturnType<typeof typedOf>]: string };

function bodyOf(typed: Typed): object {
  const currency = typed.currency.trim().toUpperCase();
  const commission = readTerms(typed, currency);
  if ('message' in commission) throw fieldProblem(commission.field, commission.message);
  return {
    name: typed.name.trim(),
    url: typed.url.trim(),
    ...(typed.code.trim() === '' ? {} : { code: typed.code.trim() }),
    description: typed.description.trim() === '' ? null : typed.description.trim(),
    currency,
    attributionWindowDays: numberOf(typed.attributionWindowDays),
    dailyCap: numberOf(typed.dailyCap),
    status: typed.status,
    commission,
  };
}

/** All that can be said of an offer; null: a new one. */
export function OfferForm({ offer }: { offer: Offer | null }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const { program } = usePlace();
  const [, navigate] = useLocation();
  const form = useForm<Typed, { data: { id: string } }>({
    initial: typedOf(offer, program.currency),
    save: async (typed, initial) => {
      const body = bodyOf(typed);
      return offer
        ? call(`/offers/${offer.id}`, { method: 'PATCH', where, body: changesOf(bodyOf(initial), body) })
        : call('/offers', { method: 'POST', where, body });
    },
    saved: ({ data }) => navigate(address(`/offers/${data.id}`) + location.search),
  });
  return (
    <FormView
      form={form}
      label="Offer"
      act={offer ? 'Save' : 'Create'}
      cancel={address(offer ? `/offers/${offer.id}` : '/offers')}
    >
      <TextField form={form} name="name" label="Name" required maxLength={255} />
      <TextField
        form={form}
        name="url"
        label="Where links lead"
        type="url"
        placeholder="https://shop.example/"
        required
      />
      <TermsFields form={form} isNew={offer === null} />
      <ChoiceField form={form} name="status" label="Status" choices={['draft', 'published', 'paused', 'archived']} />
      <TextField form={form} name="code" label="Code" {...(offer ? {} : { hint: 'Empty: one is made.' })} />
      <TextField
        form={form}
        name="attributionWindowDays"
        label="For how many days a click counts"
        inputMode="numeric"
      />
      <TextField form={form} name="dailyCap" label="Conversions a day that pay" hint="0: no cap." inputMode="numeric" />
      <AreaField form={form} name="description" label="Description" />
    </FormView>
  );
}

/** What it pays, with a sentence that says what that means while one types. */
function TermsFields({ form, isNew }: { form: Form<Typed>; isNew: boolean }): ReactNode {
  const { values } = form;
  const currency = values.currency.trim().toUpperCase();
  const terms = /^[A-Z]{3}$/.test(currency) ? readTerms(values, currency) : null;
  return (
    <fieldset>
      <legend>What it pays</legend>
      <ChoiceField
        form={form}
        name="type"
        label="Terms"
        field="commission.type"
        choices={[
          ['cpa', 'CPA: an amount for a customer'],
          ['cps', 'CPS: a share of the first sale'],
          ['revshare', 'RevShare: a share of all payments'],
        ]}
      />
      {values.type === 'cpa' ? (
        <TextField form={form} name="amount" label="Amount" field="commission.amountMinor" inputMode="decimal" />
      ) : (
        <TextField form={form} name="rate" label="Rate in %" field="commission.rateBps" inputMode="decimal" />
      )}
      {values.type === 'revshare' && (
        <TextField
          form={form}
          name="months"
          label="For how many months"
          field="commission.durationMonths"
          hint="From the first payment on. Empty: for life."
          inputMode="numeric"
        />
      )}
      <TextField form={form} name="currency" label="Currency" maxLength={3} />
      <p className="why" aria-live="polite">
        {terms && !('message' in terms)
          ? termsInWords(terms, currency)
          : 'What it means is said here, once it is whole.'}
      </p>
      {!isNew && <p className="quiet">Customers who came before keep the terms with which they came.</p>}
    </fieldset>
  );
}
