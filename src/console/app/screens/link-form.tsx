import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { call } from '../call.ts';
import { ChoiceField, TextField } from '../parts/fields.tsx';
import { changesOf, FormView, useForm } from '../parts/form.tsx';
import { SuggestField } from '../parts/suggest-field.tsx';
import { useAddress, useWhere } from '../place.tsx';
import type { TrackingLink } from '../types.ts';

interface Typed extends Record<string, string> {
  affiliateId: string;
  offerId: string;
  code: string;
  customUrl: string;
  status: string;
}

function bodyOf({ affiliateId, offerId, code, customUrl, status }: Typed): object {
  return {
    affiliateId: affiliateId.trim(),
    ...(offerId.trim() === '' ? {} : { offerId: offerId.trim() }),
    ...(code.trim() === '' ? {} : { code: code.trim() }),
    customUrl: customUrl.trim() === '' ? null : customUrl.trim(),
    status,
  };
}

/** All that can be said of a link; null: a new one, of the affiliate and offer that the list is about. */
export function LinkForm({ link, affiliate, offer }: Props): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const [, navigate] = useLocation();
  const form = useForm<Typed, { data: { id: string } }>({
    initial: {
      affiliateId: affiliate,
      offerId: offer,
      code: link?.code ?? '',
      customUrl: link?.customUrl ?? '',
      status: link?.status ?? 'active',
    },
    save: (typed, initial) =>
      link
        ? call(`/tracking-links/${link.id}`, {
            method: 'PATCH',
            where,
            body: changesOf(bodyOf(initial), bodyOf(typed)),
          })
        : call('/tracking-links', { method: 'POST', where, body: bodyOf(typed) }),
    saved: ({ data }) => navigate(address(`/links/${data.id}`) + location.search),
  });
  return (
    <FormView
      form={form}
      label="Link"
      act={link ? 'Save' : 'Create'}
      cancel={address(link ? `/links/${link.id}` : '/links')}
    >
      <SuggestField
        kind="affiliate"
        form={form}
        name="affiliateId"
        label="Affiliate"
        hint={link?.affiliateName ?? 'Their id or code; the first letters of a name bring suggestions.'}
      />
      <SuggestField
        kind="offer"
        form={form}
        name="offerId"
        label="Offer"
        hint={link?.offerName ?? 'Its id or code. Empty: the default offer.'}
      />
      <TextField
        form={form}
        name="code"
        label="Code"
        maxLength={64}
        hint={link ? 'With another code the one before leads nowhere.' : 'What stands behind /r/. Empty: one is made.'}
      />
      <TextField
        form={form}
        name="customUrl"
        label="Leads to"
        type="url"
        placeholder="https://"
        hint="Empty: where the offer leads."
      />
      <ChoiceField form={form} name="status" label="Status" choices={['active', 'paused']} />
    </FormView>
  );
}

interface Props {
  link: TrackingLink | null;
  /** By id or code. */
  affiliate: string;
  offer: string;
}
