import type { FormEvent, ReactNode } from 'react';
import { Failure } from '../parts/failure.tsx';
import { Field, problemOf, restOf } from '../parts/field.tsx';
import type { SourceDetail } from '../types.ts';
import { LiveLine } from './live-line.tsx';
import { RequiredEvents } from './source-detail.tsx';
import { textOf, useChange, useCreate } from './source-changes.ts';
import { FollowTest } from './source-test.tsx';
import { randomText, Step, ToPaste } from './wizard.tsx';

/** Stripe makes the secret once it knows the address, so the source begins with a secret that nobody has. */
export function NewStripe({ source }: { source?: SourceDetail }): ReactNode {
  return (
    <ol className="steps">
      <Step title="Tell Stripe the address" isReady>
        {source ? <AtStripe source={source} /> : <Begin />}
      </Step>
      <Step title="Paste the signing secret" isReady={source !== undefined}>
        {source && <Secret source={source} />}
      </Step>
      <Step title="See what comes" isReady={source !== undefined}>
        {source && (
          <>
            <p>
              Buy something, or have Stripe send an event. <code>stripe trigger checkout.session.completed</code> does,
              too.
            </p>
            <LiveLine source={source} />
          </>
        )}
      </Step>
      <Step title="Follow a test to a commission" isReady={source !== undefined}>
        {source && <FollowTest source={source} />}
      </Step>
    </ol>
  );
}

function Begin(): ReactNode {
  const create = useCreate();
  const begin = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const name = textOf(new FormData(event.currentTarget), 'name');
    create.mutate({ kind: 'stripe', name: name === '' ? null : name, signingSecrets: [`not-set-${randomText(24)}`] });
  };
  const rest = restOf(create.error, ['name']);
  return (
    <form className="stack" onSubmit={begin}>
      <Field
        label="Name"
        hint="In your own words, for the list; where there are several accounts"
        problem={problemOf(create.error, 'name')}
      >
        {(described) => <input {...described} name="name" maxLength={255} placeholder="Stripe" />}
      </Field>
      {rest && <Failure error={rest} />}
      <button type="submit" className="main" disabled={create.isPending}>
        Make the address
      </button>
    </form>
  );
}

function AtStripe({ source }: { source: SourceDetail }): ReactNode {
  return (
    <>
      <p>
        At Stripe, open <em>Developers, Webhooks</em>, add an endpoint of your account, and paste this address. It is a
        secret: whoever has it can send to it, though not sign.
      </p>
      <ToPaste label="the address" text={source.url ?? ''} />
      <details open>
        <summary>Switch on exactly these {source.requiredEvents.length} events</summary>
        <RequiredEvents source={source} />
      </details>
    </>
  );
}

function Secret({ source: { ref } }: { source: SourceDetail }): ReactNode {
  const change = useChange(ref);
  const save = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const signingSecrets = [textOf(new FormData(form), 'secret')];
    change.mutate({ signingSecrets }, { onSuccess: () => form.reset() });
  };
  const rest = restOf(change.error, ['signingSecrets']);
  return (
    <form className="stack" onSubmit={save}>
      <Field
        label="Signing secret"
        hint="whsec_…: Stripe shows it on the page of the endpoint. Every endpoint has another one."
        problem={problemOf(change.error, 'signingSecrets')}
      >
        {(described) => (
          <input {...described} name="secret" required autoComplete="off" spellCheck={false} maxLength={255} />
        )}
      </Field>
      {rest && <Failure error={rest} />}
      <p className="actions">
        <button type="submit" className="main" disabled={change.isPending}>
          Save the secret
        </button>
        {change.isSuccess && <span role="status">Saved. It is never shown again.</span>}
      </p>
    </form>
  );
}
