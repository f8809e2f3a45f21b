import { useState, type FormEvent, type ReactNode } from 'react';
import { Failure } from '../parts/failure.tsx';
import { Field, problemOf, restOf } from '../parts/field.tsx';
import type { SourceDetail } from '../types.ts';
import { LiveLine } from './live-line.tsx';
import { RevenuecatFields, revenuecatFields, toRevenuecatBody } from './revenuecat-fields.tsx';
import { RequiredEvents } from './source-detail.tsx';
import { textOf, useCreate } from './source-changes.ts';
import { FollowTest } from './source-test.tsx';
import { randomText, Step, ToPaste } from './wizard.tsx';

/** RevenueCat sends a header that one chooses oneself: a good one is proposed. */
export function NewRevenuecat({ source }: { source?: SourceDetail }): ReactNode {
  const [authorization, setAuthorization] = useState(() => `Bearer ${randomText(24)}`);
  // Whoever comes back later to a source that was made finds another proposal here.
  const [isKnown] = useState(source === undefined);
  return (
    <ol className="steps">
      <Step title="Choose what it sends along" isReady>
        {source ? (
          <p className="quiet">Done. Its settings can be changed at the source.</p>
        ) : (
          <Begin authorization={authorization} setAuthorization={setAuthorization} />
        )}
      </Step>
      <Step title="Tell RevenueCat" isReady={source !== undefined}>
        {source && (
          <>
            <p>
              At RevenueCat, open <em>Integrations, Webhooks</em>, add a webhook, and paste the address and the header.
            </p>
            <ToPaste label="the address" text={source.url ?? ''} />
            {isKnown && <ToPaste label="the Authorization header" text={authorization} />}
            <p className="quiet">
              {isKnown ? 'The header is shown this once.' : 'The header was shown once.'} Where it got lost, rotate it
              at the source.
            </p>
            <details>
              <summary>The events that are read; RevenueCat sends all by default</summary>
              <RequiredEvents source={source} />
            </details>
          </>
        )}
      </Step>
      <Step title="See what comes" isReady={source !== undefined}>
        {source && <LiveLine source={source} />}
      </Step>
      <Step title="Follow a test to a commission" isReady={source !== undefined}>
        {source && <FollowTest source={source} />}
      </Step>
    </ol>
  );
}

interface BeginProps {
  authorization: string;
  setAuthorization: (value: string) => void;
}

function Begin({ authorization, setAuthorization }: BeginProps): ReactNode {
  const create = useCreate();
  const begin = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [name, hmacSecret] = [textOf(form, 'name'), textOf(form, 'hmacSecret')];
    create.mutate({
      kind: 'revenuecat',
      name: name === '' ? null : name,
      authorization,
      ...(hmacSecret === '' ? {} : { hmacSecret }),
      ...toRevenuecatBody(form),
    });
  };
  const rest = restOf(create.error, ['name', 'authorization', 'hmacSecret', ...revenuecatFields]);
  return (
    <form className="stack" onSubmit={begin}>
      <Field label="Name" hint="In your own words, for the list" problem={problemOf(create.error, 'name')}>
        {(described) => <input {...described} name="name" maxLength={255} placeholder="RevenueCat" />}
      </Field>
      <Field
        label="Authorization header"
        hint="By it the hub knows RevenueCat. This one is random; you may put in another."
        problem={problemOf(create.error, 'authorization')}
      >
        {(described) => (
          <input
            {...described}
            value={authorization}
            required
            autoComplete="off"
            spellCheck={false}
            maxLength={255}
            onChange={({ target }) => setAuthorization(target.value)}
          />
        )}
      </Field>
      <Field
        label="Signing secret"
        hint="Where you switched on signatures at RevenueCat: both must fit then"
        problem={problemOf(create.error, 'hmacSecret')}
      >
        {(described) => <input {...described} name="hmacSecret" autoComplete="off" maxLength={255} />}
      </Field>
      <RevenuecatFields error={create.error} />
      {rest && <Failure error={rest} />}
      <button type="submit" className="main" disabled={create.isPending}>
        Make the address
      </button>
    </form>
  );
}
