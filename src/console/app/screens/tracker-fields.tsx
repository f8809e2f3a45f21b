import type { ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { Field, problemOf } from '../parts/field.tsx';
import type { Source, SourcePreset } from '../types.ts';

/** How a tracker's postbacks are read, as it is typed. */
export interface TrackerInput {
  preset: string;
  purpose: 'primary' | 'secondary';
  requireKey: boolean;
  response: string;
  /** A line each: `theirs = ours`. */
  fields: string;
  /** A line each: `their word = lead`. */
  statuses: string;
  /** A line each. */
  allowedCidrs: string;
}

export function toTrackerInput(source?: Source): TrackerInput {
  const linesOf = (map: Readonly<Record<string, string>> = {}): string =>
    Object.entries(map)
      .map(([theirs, ours]) => `${theirs} = ${ours}`)
      .join('\n');
  return {
    preset: source?.preset ?? '',
    purpose: source?.purpose ?? 'primary',
    requireKey: source?.requireKey ?? true,
    response: source?.response ?? '',
    fields: linesOf(source?.fields),
    statuses: linesOf(source?.statuses),
    allowedCidrs: source?.allowedCidrs?.join('\n') ?? '',
  };
}

/** As the API takes it. */
export function toTrackerBody(input: TrackerInput): Record<string, unknown> {
  const cidrs = linesIn(input.allowedCidrs);
  return {
    preset: input.preset === '' ? null : input.preset,
    purpose: input.purpose,
    requireKey: input.requireKey,
    ...(input.response === '' ? {} : { response: input.response }),
    fields: Object.fromEntries(pairsIn(input.fields)),
    statuses: Object.fromEntries(pairsIn(input.statuses)),
    allowedCidrs: cidrs.length === 0 ? null : cidrs,
  };
}

function linesIn(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

function pairsIn(text: string): [theirs: string, ours: string][] {
  return linesIn(text).map((line) => {
    const [theirs = '', ...ours] = line.split('=');
    return [theirs.trim(), ours.join('=').trim()];
  });
}

export const trackerFields = ['preset', 'purpose', 'requireKey', 'response', 'fields', 'statuses', 'allowedCidrs'];

interface Props {
  input: TrackerInput;
  change: (input: TrackerInput) => void;
  error: Error | null;
}

export function TrackerFields({ input, change, error }: Props): ReactNode {
  const presets = useOne<SourcePreset[]>('/sources/presets');
  const set = (some: Partial<TrackerInput>): void => change({ ...input, ...some });
  const preset = presets.data?.find(({ id }) => id === input.preset);
  return (
    <>
      <Field
        label="Tracker"
        problem={problemOf(error, 'preset')}
        hint={
          preset ? (
            <a href={preset.documentation} rel="noreferrer" target="_blank">
              What {preset.name} says about its postbacks
            </a>
          ) : (
            'Another one sends our names: click_id, amount, order_id, currency, status.'
          )
        }
      >
        {(described) => (
          <select {...described} value={input.preset} onChange={({ target }) => set({ preset: target.value })}>
            <option value="">another one</option>
            {presets.data?.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="What it tells" problem={problemOf(error, 'purpose')}>
        {(described) => (
          <select
            {...described}
            value={input.purpose}
            onChange={({ target }) => set({ purpose: target.value as TrackerInput['purpose'] })}
          >
            <option value="primary">conversions: sales, leads that pay</option>
            <option value="secondary">steps before: visits, registrations</option>
          </select>
        )}
      </Field>
      <label className="check">
        <input
          type="checkbox"
          checked={input.requireKey}
          onChange={({ target }) => set({ requireKey: target.checked })}
        />{' '}
        It must send an API key. Without one, whoever knows the address can report sales.
      </label>
      <details>
        <summary>Names and states of its own</summary>
        <Field
          label="Names, a line each: theirs = ours"
          hint="On top of those below, which they beat."
          problem={problemOf(error, 'fields')}
        >
          {(described) => (
            <textarea
              {...described}
              rows={3}
              value={input.fields}
              placeholder={'subid = click_id\ndata.price = amount'}
              onChange={({ target }) => set({ fields: target.value })}
            />
          )}
        </Field>
        <Field
          label="States, a line each: their word = lead, hold, sale or rejected"
          problem={problemOf(error, 'statuses')}
        >
          {(described) => (
            <textarea
              {...described}
              rows={3}
              value={input.statuses}
              placeholder="confirmed = sale"
              onChange={({ target }) => set({ statuses: target.value })}
            />
          )}
        </Field>
        <Field label="Answer" problem={problemOf(error, 'response')}>
          {(described) => (
            <select {...described} value={input.response} onChange={({ target }) => set({ response: target.value })}>
              <option value="">as the tracker likes it</option>
              <option value="json">JSON, with what became of it</option>
              <option value="ok">OK, as soon as it is stored</option>
              <option value="gif">a pixel, as soon as it is stored</option>
            </select>
          )}
        </Field>
        <Field
          label="Addresses that may send, a line each"
          hint="None: all may."
          problem={problemOf(error, 'allowedCidrs')}
        >
          {(described) => (
            <textarea
              {...described}
              rows={2}
              value={input.allowedCidrs}
              placeholder="203.0.113.0/24"
              onChange={({ target }) => set({ allowedCidrs: target.value })}
            />
          )}
        </Field>
      </details>
      <Preview preset={preset} input={input} />
    </>
  );
}

/** How its names and states will be read. */
function Preview({ preset, input }: { preset: SourcePreset | undefined; input: TrackerInput }): ReactNode {
  const fields = Object.entries({ ...preset?.fields, ...Object.fromEntries(pairsIn(input.fields)) });
  const statuses = Object.entries({ ...preset?.statuses, ...Object.fromEntries(pairsIn(input.statuses)) });
  if (fields.length === 0 && statuses.length === 0) return null;
  return (
    <div className="preview">
      <table>
        <caption>How it is read</caption>
        <thead>
          <tr>
            <th scope="col">It sends</th>
            <th scope="col">It means</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(([theirs, ours]) => (
            <tr key={`field ${theirs}`}>
              <td>
                <code>{theirs}</code>
              </td>
              <td>{ours === '' ? <span className="quiet">nothing</span> : wordsOf(ours)}</td>
            </tr>
          ))}
          {statuses.map(([theirs, ours]) => (
            <tr key={`status ${theirs}`}>
              <td>
                status <code>{theirs}</code>
              </td>
              <td>{stateWords[ours] ?? ours}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const stateWords: Readonly<Record<string, string>> = {
  lead: 'a lead: nothing is approved yet',
  hold: 'on hold: nothing is approved yet',
  sale: 'a sale',
  rejected: 'rejected, for good',
};
