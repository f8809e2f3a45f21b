import { useId, useState, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { CallError } from '../call.ts';
import { Failure } from '../parts/failure.tsx';
import type { Endpoint, EventType } from '../types.ts';

/** What the form gives: only what the API takes. */
export interface EndpointInput {
  url: string;
  description: string | null;
  eventTypes: string[];
  rateLimitPerSecond: number | null;
  headers?: Record<string, string>;
}

interface Props {
  /** What is changed; null: a new one. */
  endpoint: Endpoint | null;
  act: string;
  isBusy: boolean;
  error: Error | null;
  submit: (input: EndpointInput) => void;
}

/** What may be set of an endpoint. What was typed stays when the hub refuses it. */
export function WebhookForm({ endpoint, act, isBusy, error, submit }: Props): ReactNode {
  const [url, setUrl] = useState(endpoint?.url ?? '');
  const [description, setDescription] = useState(endpoint?.description ?? '');
  const [types, setTypes] = useState<readonly string[]>(endpoint?.eventTypes ?? []);
  const [rate, setRate] = useState(endpoint?.rateLimitPerSecond?.toString() ?? '');
  const [headers, setHeaders] = useState('');
  const details = error instanceof CallError ? error.details : {};
  const send = (): void =>
    submit({
      url: url.trim(),
      description: description.trim() === '' ? null : description.trim(),
      eventTypes: [...types],
      rateLimitPerSecond: rate === '' ? null : Number(rate),
      ...(headers.trim() === '' ? {} : { headers: readHeaders(headers) }),
    });
  return (
    <form
      className="stack endpoint-form"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Field label="URL" problem={details['url']}>
        {(described) => (
          <input
            {...described}
            type="text"
            inputMode="url"
            required
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
        )}
      </Field>
      <Field label="Description" problem={details['description']}>
        {(described) => (
          <input
            {...described}
            value={description}
            maxLength={1_000}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
      {endpoint?.kind !== 'postback' && <TypeChoice types={types} set={setTypes} problem={details['eventTypes']} />}
      <Field label="At most so many a second (empty: as fast as it answers)" problem={details['rateLimitPerSecond']}>
        {(described) => (
          <input
            {...described}
            type="number"
            min={1}
            max={1_000}
            value={rate}
            onChange={(event) => setRate(event.target.value)}
          />
        )}
      </Field>
      <Field label={headersLabel(endpoint)} problem={details['headers']}>
        {(described) => (
          <textarea
            {...described}
            rows={2}
            value={headers}
            placeholder="X-Token: secret"
            onChange={(event) => setHeaders(event.target.value)}
          />
        )}
      </Field>
      {error && <Failure error={error} />}
      <p className="actions">
        <button type="submit" className="main" disabled={isBusy}>
          {act}
        </button>
      </p>
    </form>
  );
}

function headersLabel(endpoint: Endpoint | null): string {
  const names = Object.keys(endpoint?.headers ?? {});
  if (names.length === 0) return 'Headers of your own, one a line';
  return `Headers of your own, one a line. Now: ${names.join(', ')}; what you write replaces them all`;
}

/** Each line `Name: value`. */
function readHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

interface FieldProps {
  label: string;
  problem: string | undefined;
  children: (described: { 'aria-describedby'?: string; 'aria-invalid': boolean }) => ReactNode;
}

/** What is wrong stands beside it, and does not become a part of its name. */
function Field({ label, problem, children }: FieldProps): ReactNode {
  const id = useId();
  const isWrong = problem !== undefined;
  return (
    <div>
      <label>
        {label}
        {children({ 'aria-invalid': isWrong, ...(isWrong ? { 'aria-describedby': id } : {}) })}
      </label>
      {isWrong && (
        <span id={id} className="bad">
          {problem}
        </span>
      )}
    </div>
  );
}

interface TypeChoiceProps {
  types: readonly string[];
  set: (types: readonly string[]) => void;
  problem: string | undefined;
}

/** None chosen: all, those that are yet to come, too. */
function TypeChoice({ types, set, problem }: TypeChoiceProps): ReactNode {
  const catalogue = useOne<EventType[]>('/event-types');
  if (catalogue.error) return <Failure error={catalogue.error} again={() => void catalogue.refetch()} />;
  return (
    <fieldset className="type-choice">
      <legend>Event types (none chosen: all)</legend>
      {problem !== undefined && <p className="bad">{problem}</p>}
      <div className="type-choices">
        {catalogue.data?.map(({ type, description }) => (
          <label key={type} className="check" title={description}>
            <input
              type="checkbox"
              checked={types.includes(type)}
              onChange={(event) => set(event.target.checked ? [...types, type] : types.filter((each) => each !== type))}
            />{' '}
            {type}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
