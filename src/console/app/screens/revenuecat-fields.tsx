import type { ReactNode } from 'react';
import { Field, problemOf } from '../parts/field.tsx';
import type { Source } from '../types.ts';

export const revenuecatFields = ['amountBasis', 'campaignAsCoupon', 'stripeStores'];

export function toRevenuecatBody(form: FormData): Record<string, unknown> {
  return {
    amountBasis: form.get('amountBasis'),
    campaignAsCoupon: form.get('campaignAsCoupon') !== null,
    stripeStores: form.get('stripeStores'),
  };
}

/** What commission is reckoned from, and what counts. */
export function RevenuecatFields({ source, error }: { source?: Source; error: Error | null }): ReactNode {
  return (
    <>
      <Field label="Commission is reckoned from" problem={problemOf(error, 'amountBasis')}>
        {(described) => (
          <select {...described} name="amountBasis" defaultValue={source?.amountBasis ?? 'net_of_tax'}>
            <option value="net_of_tax">the price without tax</option>
            <option value="gross">the whole price</option>
            <option value="proceeds">what the store pays out</option>
          </select>
        )}
      </Field>
      <Field
        label="What Stripe bills for RevenueCat"
        hint="A Stripe source may tell of the same money"
        problem={problemOf(error, 'stripeStores')}
      >
        {(described) => (
          <select {...described} name="stripeStores" defaultValue={source?.stripeStores ?? 'auto'}>
            <option value="auto">counts here where there is no Stripe source</option>
            <option value="count">always counts here</option>
            <option value="ignore">never counts here</option>
          </select>
        )}
      </Field>
      <label className="check">
        <input type="checkbox" name="campaignAsCoupon" defaultChecked={source?.campaignAsCoupon ?? false} /> The
        attribute <code>$campaign</code> is a coupon code
      </label>
    </>
  );
}
