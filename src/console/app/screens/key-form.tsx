import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../call.ts';
import { AreaField, ChoiceField, TextField } from '../parts/fields.tsx';
import { changesOf, FormView, problemOf, useForm, type Form } from '../parts/form.tsx';
import { Copy } from '../parts/values.tsx';
import { useAddress, usePlace, useWhere } from '../place.tsx';
import type { ApiKey, NewApiKey } from '../types.ts';
import { ScopeFields } from './scope-fields.tsx';
import { numberOf } from './typed-number.ts';

function boundsOf(key: ApiKey | null) {
  return {
    name: key?.name ?? '',
    expiresAt: key?.expiresAt ? localTime(key.expiresAt) : '',
    allowedCidrs: key?.allowedCidrs?.join('\n') ?? '',
    reads: String(key?.rateLimits?.reads ?? ''),
    writes: String(key?.rateLimits?.writes ?? ''),
    conversions: String(key?.rateLimits?.conversions ?? ''),
  };
}
type Bounds = ReturnType<typeof boundsOf>;

/** As an input for a date and a time has it: in the zone of the browser. */
function localTime(instant: string): string {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function boundsBody({ name, expiresAt, allowedCidrs, reads, writes, conversions }: Bounds): object {
  const networks = allowedCidrs.split(/[\s,]+/).filter((each) => each !== '');
  const limits = Object.fromEntries(
    Object.entries({ reads, writes, conversions }).flatMap(([what, text]) =>
      text.trim() === '' ? [] : [[what, numberOf(text)]],
    ),
  );
  return {
    name: name.trim(),
    expiresAt: expiresAt === '' ? null : new Date(expiresAt).toISOString(),
    allowedCidrs: networks.length === 0 ? null : networks,
    rateLimits: Object.keys(limits).length === 0 ? null : limits,
  };
}

function BoundsFields<V extends Bounds & Record<string, string>>({ form }: { form: Form<V> }): ReactNode {
  const fields = form as unknown as Form<Bounds>;
  return (
    <>
      <TextField
        form={fields}
        name="name"
        label="Name"
        required
        maxLength={255}
        hint="Whose it is, or what it is for."
      />
      <TextField
        form={fields}
        name="expiresAt"
        label="Works until"
        type="datetime-local"
        hint="In the time zone of this browser. Empty: no end."
      />
      <AreaField
        form={fields}
        name="allowedCidrs"
        label="Works from"
        hint="Addresses or networks such as 203.0.113.0/24, one a line. Empty: anywhere."
        rows={2}
      />
      <fieldset>
        <legend>Calls a minute</legend>
        <TextField
          form={fields}
          name="reads"
          field="rateLimits.reads"
          label="Reads"
          placeholder="600"
          inputMode="numeric"
        />
        <TextField
          form={fields}
          name="writes"
          field="rateLimits.writes"
          label="Writes"
          placeholder="300"
          inputMode="numeric"
        />
        <TextField
          form={fields}
          name="conversions"
          field="rateLimits.conversions"
          label="Conversions, events, clicks"
          placeholder="60000"
          inputMode="numeric"
        />
      </fieldset>
    </>
  );
}

/** Makes a key, and shows it once. */
export function NewKey(): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const { mode } = usePlace();
  const [made, setMade] = useState<NewApiKey | null>(null);
  const form = useForm<Bounds & { mode: string; may: string; scopes: string }, { data: NewApiKey }>({
    initial: { ...boundsOf(null), mode, may: 'read', scopes: '' },
    save: (typed) => {
      const { rateLimits, ...bounds } = boundsBody(typed) as { rateLimits: object | null };
      const mayDo =
        typed.may === 'scopes' ? { scopes: typed.scopes.split(' ').filter(Boolean) } : { access: typed.may };
      const body = { ...bounds, ...(rateLimits ? { rateLimits } : {}), mode: typed.mode, ...mayDo };
      return call('/api-keys', { method: 'POST', where, body });
    },
    saved: ({ data }) => setMade(data),
  });
  if (made) return <Made of={made} />;
  const { values } = form;
  return (
    <FormView form={form} label="API key" act="Create" cancel={address('/settings/keys')}>
      <ChoiceField form={form} name="mode" label="Mode" choices={mode === 'test' ? ['test'] : ['live', 'test']} />
      <ChoiceField
        form={form}
        name="may"
        label="What it may do"
        field="access"
        choices={[
          ['read', 'read: everything but keys'],
          ['write', 'write: everything'],
          ['ingest', 'ingest: send conversions and events, read nothing'],
          ['scopes', 'what is chosen below'],
        ]}
      />
      {values.may === 'scopes' && (
        <ScopeFields
          chosen={new Set(values.scopes.split(' ').filter(Boolean))}
          set={(scopes) => form.set('scopes', [...scopes].join(' '))}
        />
      )}
      {problemOf(form.error, 'scopes') !== undefined && <p className="bad">✕ {problemOf(form.error, 'scopes')}</p>}
      <BoundsFields form={form} />
    </FormView>
  );
}

function Made({ of: { key, id, name } }: { of: NewApiKey }): ReactNode {
  const address = useAddress();
  return (
    <div role="status">
      <p>
        This is the key of <bdi>{name}</bdi>. It is shown now and never again: the hub keeps only its digest.
      </p>
      <p className="to-copy">
        <code>{key}</code>
        <Copy text={key} label="Copy the key">
          Copy
        </Copy>
      </p>
      <p>
        <Link href={address(`/settings/keys/${id}`)}>It is kept: go on</Link>
      </p>
    </div>
  );
}

/** Never what it may do: for that another one is made. */
export function ChangeKey({ of: key }: { of: ApiKey }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const [, navigate] = useLocation();
  const back = address(`/settings/keys/${key.id}`);
  const form = useForm<Bounds, unknown>({
    initial: boundsOf(key),
    save: (typed, initial) =>
      call(`/api-keys/${key.id}`, {
        method: 'PATCH',
        where,
        body: changesOf(boundsBody(initial), boundsBody(typed)),
      }),
    saved: () => navigate(back),
  });
  return (
    <FormView form={form} label="API key" act="Save" cancel={back}>
      <BoundsFields form={form} />
    </FormView>
  );
}
