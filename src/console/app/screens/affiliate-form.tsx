import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { call } from '../call.ts';
import { AreaField, ChoiceField, TextField } from '../parts/fields.tsx';
import { changesOf, FormView, useForm } from '../parts/form.tsx';
import { useAddress, usePlace, useWhere } from '../place.tsx';
import type { AffiliateDetail as Affiliate } from '../types.ts';
import { affiliateBody, blankAffiliate, typedAffiliate } from './affiliate-typed.ts';
import { PostbackFields } from './postback-fields.tsx';

export function NewAffiliate(): ReactNode {
  return <AffiliateForm affiliate={null} />;
}

/** All that can be said of an affiliate; null: a new one. */
export function AffiliateForm({ affiliate }: { affiliate: Affiliate | null }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const { program } = usePlace();
  const { currency } = program;
  const [, navigate] = useLocation();
  const form = useForm({
    initial: affiliate ? typedAffiliate(affiliate, currency) : blankAffiliate,
    save: (typed, initial) => {
      const body = affiliateBody(typed, currency);
      const [path, method, sent] = affiliate
        ? ([`/affiliates/${affiliate.id}`, 'PATCH', changesOf(affiliateBody(initial, currency), body)] as const)
        : (['/affiliates', 'POST', body] as const);
      return call<{ data: { id: string } }>(path, { method, where, body: sent });
    },
    saved: ({ data }) => navigate(address(`/affiliates/${data.id}`) + location.search),
  });
  return (
    <FormView
      form={form}
      label="Affiliate"
      act={affiliate ? 'Save' : 'Create'}
      cancel={address(affiliate ? `/affiliates/${affiliate.id}` : '/affiliates')}
    >
      <TextField form={form} name="displayName" label="Name" required maxLength={255} />
      <TextField form={form} name="email" label="E-mail" type="email" required maxLength={255} />
      <TextField
        form={form}
        name="referralCode"
        label="Code"
        hint={affiliate ? 'Links with the code before go on working.' : 'Empty: one is made.'}
      />
      <AreaField form={form} name="couponCodes" label="Coupon codes" hint="One a line." rows={2} />
      <ChoiceField form={form} name="status" label="Status" choices={['pending', 'active', 'paused', 'banned']} />
      <ChoiceField form={form} name="type" label="Type" choices={['external', 'internal']} />
      <fieldset>
        <legend>Own terms</legend>
        <ChoiceField
          form={form}
          name="ownTerms"
          label="Beat those of the offer"
          field="commissionOverride"
          choices={[
            ['none', 'no: the offer counts'],
            ['rate', 'a rate (CPS, RevShare)'],
            ['amount', 'an amount (CPA)'],
          ]}
        />
        {form.values.ownTerms === 'rate' && <TextField form={form} name="rate" label="Rate in %" inputMode="decimal" />}
        {form.values.ownTerms === 'amount' && (
          <TextField form={form} name="amount" label={`Amount in ${currency}`} inputMode="decimal" />
        )}
      </fieldset>
      <fieldset>
        <legend>Who they are, and how they are paid</legend>
        <TextField form={form} name="companyName" label="Company" />
        <TextField form={form} name="website" label="Website" type="url" placeholder="https://" />
        <TextField form={form} name="paymentMethod" label="Paid by" placeholder="paypal, wise, bank …" />
        <TextField form={form} name="paymentEmail" label="Payment e-mail" type="email" />
        <AreaField form={form} name="paymentDetails" label="Payment details" />
      </fieldset>
      <fieldset>
        <legend>Their tracker</legend>
        <PostbackFields form={form} />
      </fieldset>
    </FormView>
  );
}
