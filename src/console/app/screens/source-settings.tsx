import { useState, type FormEvent, type ReactNode } from 'react';
import { Failure } from '../parts/failure.tsx';
import { Field, problemOf, restOf } from '../parts/field.tsx';
import type { SourceDetail } from '../types.ts';
import { RevenuecatFields, revenuecatFields, toRevenuecatBody } from './revenuecat-fields.tsx';
import { textOf, useChange } from './source-changes.ts';
import { toTrackerBody, toTrackerInput, trackerFields, TrackerFields } from './tracker-fields.tsx';

export function SourceSettings({ source }: { source: SourceDetail }): ReactNode {
  return (
    <>
      <General source={source} />
      {source.kind !== 'postback' && <Rotate source={source} />}
    </>
  );
}

function General({ source }: { source: SourceDetail }): ReactNode {
  const change = useChange(source.ref);
  const [tracker, setTracker] = useState(() => toTrackerInput(source));
  const save = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = textOf(form, 'name');
    change.mutate({
      name: name === '' ? null : name,
      ...(source.kind === 'postback' ? toTrackerBody(tracker) : {}),
      ...(source.kind === 'revenuecat' ? toRevenuecatBody(form) : {}),
    });
  };
  const rest = restOf(change.error, ['name', ...trackerFields, ...revenuecatFields]);
  return (
    <form className="stack" onSubmit={save}>
      <h3>Settings</h3>
      <Field label="Name" problem={problemOf(change.error, 'name')}>
        {(described) => <input {...described} name="name" defaultValue={source.name ?? ''} maxLength={255} />}
      </Field>
      {source.kind === 'postback' && <TrackerFields input={tracker} change={setTracker} error={change.error} />}
      {source.kind === 'revenuecat' && <RevenuecatFields source={source} error={change.error} />}
      {rest && <Failure error={rest} />}
      <p className="actions">
        <button type="submit" className="main" disabled={change.isPending}>
          Save
        </button>
        {change.isSuccess && <span role="status">Saved. What comes from now on is read by it.</span>}
      </p>
    </form>
  );
}

/** A secret replaces the one before: it is never shown, so there is nothing to edit. */
function Rotate({ source: { ref, kind } }: { source: SourceDetail }): ReactNode {
  const change = useChange(ref);
  const isStripe = kind === 'stripe';
  const field = isStripe ? 'signingSecrets' : 'authorization';
  const save = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const secrets = [textOf(new FormData(form), 'secret'), textOf(new FormData(form), 'before')];
    const given = secrets.filter((secret) => secret !== '');
    change.mutate(isStripe ? { signingSecrets: given } : { authorization: given[0] }, {
      onSuccess: () => form.reset(),
    });
  };
  const rest = restOf(change.error, [field]);
  return (
    <form className="stack" onSubmit={save}>
      <h3>{isStripe ? 'Another signing secret' : 'Another Authorization header'}</h3>
      <Field
        label={isStripe ? 'The new secret' : 'The new value'}
        hint={isStripe ? 'whsec_…, on the page of the endpoint at Stripe' : 'Set the same value at RevenueCat'}
        problem={problemOf(change.error, field)}
      >
        {(described) => <input {...described} name="secret" required autoComplete="off" maxLength={255} />}
      </Field>
      {isStripe && (
        <Field label="The one before, where it is still to be taken" hint="Stripe signs with both while one expires">
          {(described) => <input {...described} name="before" autoComplete="off" maxLength={255} />}
        </Field>
      )}
      {rest && <Failure error={rest} />}
      <p className="actions">
        <button type="submit" disabled={change.isPending}>
          Rotate
        </button>
        {change.isSuccess && <span role="status">It holds from now on; in other processes within five seconds.</span>}
      </p>
    </form>
  );
}
