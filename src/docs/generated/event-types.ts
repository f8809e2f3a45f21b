import { z } from 'zod';
import { eventTypes, PAYLOAD_VERSION, type EventType } from '../../outbound/events/event-types.ts';
import { codeBlock, escapeHtml, prose, scrollBox } from '../html.ts';

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
${scrollBox(`<table><tr><th>Field of <code>data</code></th><th>Type</th><th></th></tr>${renderFields(data)}</table>`)}
${codeBlock(JSON.stringify(body, null, 2))}`;
}

interface JsonSchema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

function renderFields(data: z.ZodObject): string {
  return listFields(z.toJSONSchema(data) as JsonSchema, '').join('\n');
}

function listFields(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const inner = field.properties ? field : field.anyOf?.find((option) => option.properties);
    const row = `<tr><td><code>${escapeHtml(prefix + name)}</code></td><td>${escapeHtml(nameType(field))}</td><td>${prose(
      field.description ?? '',
    )}</td></tr>`;
    return [row, ...(inner ? listFields(inner, `${prefix}${name}.`) : [])];
  });
}

function nameType(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map(String).join(' | ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(nameType))].join(' | ');
  if (schema.items) return `array of ${nameType(schema.items)}`;
  return Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
}
