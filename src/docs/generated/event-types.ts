import { z } from 'zod';
import { eventTypes, PAYLOAD_VERSION, type EventType } from '../../outbound/events/event-types.ts';
import { codeBlock, prose } from '../html.ts';
import { renderFields } from '../reference/fields.ts';
import type { Schema } from '../reference/schema.ts';

/** The catalogue for people: every event type with its fields and an example, made from the schemas. */
export function renderEventTypes(): string {
  const types = Object.entries(eventTypes);
  const contents = types.map(
    ([type, { description }]) => `<li><a href="#${type}"><code>${type}</code></a> ${prose(description)}</li>`,
  );
  return `<p>The payloads below are those of version ${PAYLOAD_VERSION}.</p>
<ul>${contents.join('\n')}</ul>${types.map(renderType).join('\n')}`;
}

function renderType([type, { description, data, example, hasPrevious }]: [string, EventType]): string {
  const body = {
    id: 'evt_01a1f8c4d18770008000000000000009',
    type,
    createdAt: '2026-11-20T12:00:00.000Z',
    livemode: true,
    programId: 'prg_01a1f8c4d18770008000000000000000',
    data: example,
    ...(hasPrevious ? { previous: { status: 'pending' } } : {}),
  };
  return `<h2 id="${type}"><code>${type}</code></h2><p>${prose(description)}</p>
${renderFields(z.toJSONSchema(data) as Schema, { of: 'Field of data' })}
${codeBlock(JSON.stringify(body, null, 2))}`;
}
