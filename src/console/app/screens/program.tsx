import { useState, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { CheckField, ChoiceField, TextField } from '../parts/fields.tsx';
import { changesOf, FormView, useForm, type Form } from '../parts/form.tsx';
import { Failure } from '../parts/failure.tsx';
import { SuggestField } from '../parts/suggest-field.tsx';
import { Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useMayChange, usePlace, useWhere } from '../place.tsx';
import type { ProgramSettings } from '../types.ts';
import { numberOf } from './typed-number.ts';

/** How the program reckons and decides. */
export function ProgramScreen(): ReactNode {
  const program = useOne<ProgramSettings>('/program');
  const may = useMayChange('program:write', true);
  const [saves, setSaves] = useState(0);
  return (
    <div className="reading">
      <h1>Program</h1>
      {program.error && <Failure error={program.error} again={() => void program.refetch()} />}
      {program.data && (
        <>
          <Pairs
            of={[
              ['Id', <Id key="id" id={program.data.id} whole />],
              ['Status', <State key="status" is={program.data.status} />],
              ['Since', <Moment key="since" at={program.data.createdAt} />],
            ]}
          />
          {saves > 0 && (
            <p role="status" className="good">
              ✓ It is saved.
            </p>
          )}
          {may ? (
            <ProgramForm key={saves} program={program.data} saved={() => setSaves(saves + 1)} />
          ) : (
            <Shown program={program.data} />
          )}
        </>
      )}
    </div>
  );
}

function typedOf(program: ProgramSettings) {
  return {
    name: program.name,
    currency: program.currency,
    timezone: program.timezone,
    defaultOfferId: program.defaultOfferId ?? '',
    model: program.attribution.model as string,
    couponFirst: program.attribution.couponFirst,
    holdDays: String(program.holdDays),
    autoApprove: program.autoApprove,
    identifyByEmail: program.identifyByEmail,
    browserLeads: program.browserLeads,
    sameDomain: program.sameDomain as string,
    clickRetentionDays: String(program.clickRetentionDays),
    companyName: program.companyName ?? '',
    contactEmail: program.contactEmail ?? '',
  };
}
type Typed = ReturnType<typeof typedOf>;

function bodyOf({ model, couponFirst, holdDays, clickRetentionDays, ...typed }: Typed): object {
  const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());
  return {
    ...typed,
    attribution: { model, couponFirst },
    holdDays: numberOf(holdDays),
    clickRetentionDays: numberOf(clickRetentionDays),
    defaultOfferId: orNull(typed.defaultOfferId),
    companyName: orNull(typed.companyName),
    contactEmail: orNull(typed.contactEmail),
  };
}

function ProgramForm({ program, saved }: { program: ProgramSettings; saved: () => void }): ReactNode {
  const where = useWhere();
  const { session } = usePlace();
  const isOwner = session.role === 'owner';
  const form = useForm<Typed, unknown>({
    initial: typedOf(program),
    save: (typed, initial) =>
      call(isOwner ? `/programs/${program.id}` : '/program', {
        method: 'PATCH',
        where,
        body: changesOf(bodyOf(initial), bodyOf(typed)),
      }),
    saved,
  });
  return (
    <FormView form={form} label="Program" act="Save">
      {isOwner && <TextField form={form} name="name" label="Name" required maxLength={255} />}
      {isOwner && (
        <TextField form={form} name="currency" label="Currency" maxLength={3} hint="Of offers that name none." />
      )}
      <TextField form={form} name="timezone" label="Time zone" hint="In which its days begin: Europe/Berlin." />
      <SuggestField
        kind="offer"
        form={form}
        name="defaultOfferId"
        label="Default offer"
        hint="Where affiliates' own links lead, and what a sale pays by that names no offer."
      />
      <Attribution form={form} />
      <fieldset>
        <legend>Approval</legend>
        <TextField form={form} name="holdDays" label="Days before a commission can be approved" inputMode="numeric" />
        <CheckField form={form} name="autoApprove" label="Approve by itself when the hold is over" />
        <ChoiceField
          form={form}
          name="sameDomain"
          label="Buyer and affiliate have one e-mail domain"
          choices={[
            ['flag', 'tell it in the explanation'],
            ['review', 'hold it until a person decides'],
          ]}
        />
      </fieldset>
      <TextField
        form={form}
        name="clickRetentionDays"
        label="Days that clicks without an order are kept"
        hint="Beyond the longest attribution window."
        inputMode="numeric"
      />
      <TextField form={form} name="companyName" label="Company" />
      <TextField form={form} name="contactEmail" label="Contact e-mail" type="email" />
    </FormView>
  );
}

function Attribution({ form }: { form: Form<Typed> }): ReactNode {
  return (
    <fieldset>
      <legend>Who is credited</legend>
      <ChoiceField
        form={form}
        name="model"
        label="Of several clicks"
        field="attribution.model"
        choices={[
          ['last_click', 'the last one counts'],
          ['first_click', 'the first one counts'],
        ]}
      />
      <CheckField form={form} name="couponFirst" label="A coupon code beats all other evidence" />
      <CheckField
        form={form}
        name="identifyByEmail"
        label="Customers with one e-mail are one"
        hint="Whatever ids they have. A change settles those whom it concerns again."
      />
      <CheckField
        form={form}
        name="browserLeads"
        label="Browsers may make leads without a key"
        hint="Anybody can send them: they credit only what nothing else would."
      />
    </fieldset>
  );
}

/** For those who may only look, and in test mode, from which live settings cannot be changed. */
function Shown({ program }: { program: ProgramSettings }): ReactNode {
  const { mode } = usePlace();
  const { attribution, ...typed } = program;
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  return (
    <>
      {mode === 'test' && <p className="quiet">These are live settings: they are changed in live mode.</p>}
      <Pairs
        of={[
          ['Name', <bdi key="name">{typed.name}</bdi>],
          ['Currency', typed.currency],
          ['Time zone', typed.timezone],
          ['Default offer', <Id key="offer" id={typed.defaultOfferId} />],
          ['Of several clicks', attribution.model === 'last_click' ? 'the last one counts' : 'the first one counts'],
          ['Coupons first', yesNo(attribution.couponFirst)],
          ['One e-mail, one customer', yesNo(typed.identifyByEmail)],
          ['Leads by browsers', yesNo(typed.browserLeads)],
          ['Hold', `${typed.holdDays} days`],
          ['Approves by itself', yesNo(typed.autoApprove)],
          ['One e-mail domain', typed.sameDomain === 'flag' ? 'is told' : 'is held for review'],
          ['Clicks are kept', `${typed.clickRetentionDays} days beyond the longest window`],
          ['Company', <bdi key="company">{typed.companyName ?? '—'}</bdi>],
          ['Contact', <bdi key="contact">{typed.contactEmail ?? '—'}</bdi>],
        ]}
      />
    </>
  );
}
