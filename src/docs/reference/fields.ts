import { escapeHtml, prose } from '../html.ts';
import { nameLimits, nameType, optionsOf, type Follow, type Schema } from './schema.ts';

export interface Field {
  name: string;
  type: string;
  words: string;
  /** Whether it has to be there; undefined where nobody asks. */
  isRequired?: boolean;
}

interface Options {
  follow?: Follow;
  /** What the names are of. */
  of?: string;
  /** Whether to say which fields have to be there. */
  saysRequired?: boolean;
}

/** The fields of an object, those inside it by their path; a table for each of several objects that it may be. */
export function renderFields(schema: Schema, { follow = itself, of = 'Field', saysRequired = false }: Options): string {
  const objects = optionsOf(schema, follow).filter((option) => option.properties);
  // Kinds that the value of a field tells apart are told apart here, too; others are one table.
  const kinds = objects.map((object) => kindOf(object, follow));
  const tables = kinds.every((kind) => kind !== null) && objects.length > 1 ? objects.map((each) => [each]) : [objects];
  const shown = tables.map((each, index) => {
    const heading = tables.length > 1 ? `<h4>${prose(kinds[index] ?? '')}</h4>\n` : '';
    return heading + fieldTable(mergeFields(each.flatMap((one) => listFields(one, follow, saysRequired))), of);
  });
  return shown.join('\n');
}

const itself: Follow = (given) => given;

export function fieldTable(fields: readonly Field[], of: string): string {
  if (fields.length === 0) return '';
  const rows = fields.map(({ name, type, words, isRequired }) => {
    const required = isRequired ? ' <span class="required">required</span>' : '';
    return `<tr><td><code>${escapeHtml(name)}</code>${required}</td><td>${escapeHtml(type)}</td><td>${prose(words)}</td></tr>`;
  });
  return `<table class="fields"><thead><tr><th>${escapeHtml(of)}</th><th>Type</th><th>Meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

/** A field as a row, whatever it is of. */
export function describeField(name: string, schema: Schema, follow: Follow): Field {
  const found = follow(schema);
  const words = (schema.description ?? found.description ?? '').replace(/[.]$/, '');
  const limits = nameLimits(found);
  const sentences = [words, limits.slice(0, 1).toUpperCase() + limits.slice(1)].filter(Boolean);
  return { name, type: nameType(schema, follow), words: sentences.join('. ') };
}

function listFields(schema: Schema, follow: Follow, saysRequired: boolean, path = '', above: Schema[] = []): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = saysRequired && (schema.required ?? []).includes(name);
    const row = { ...describeField(path + name, field, follow), ...(isRequired ? { isRequired } : {}) };
    return [row, ...insideOf(field, follow, saysRequired, path + name, [...above, schema])];
  });
}

/** The fields within a field: of an object, of the items of a list, of the values of a map. */
function insideOf(field: Schema, follow: Follow, saysRequired: boolean, path: string, above: Schema[]): Field[] {
  return optionsOf(field, follow).flatMap((option) => {
    // What contains itself is told once.
    if (above.includes(option)) return [];
    if (option.items) return insideOf(option.items, follow, saysRequired, `${path}[]`, above);
    if (option.properties) return listFields(option, follow, saysRequired, `${path}.`, above);
    const { additionalProperties: values } = option;
    return typeof values === 'object' ? insideOf(values, follow, saysRequired, `${path}.*`, above) : [];
  });
}

/** Of a name that several objects have: all their types, and the first words. */
function mergeFields(fields: readonly Field[]): Field[] {
  const merged = new Map<string, Field>();
  for (const field of fields) {
    const before = merged.get(field.name);
    const types = [...new Set([...(before?.type.split(' | ') ?? []), ...field.type.split(' | ')])];
    merged.set(field.name, { ...(before ?? field), type: types.join(' | ') });
  }
  return [...merged.values()];
}

/** 'kind: stripe' of an object of which that field has one possible value. */
function kindOf({ properties = {} }: Schema, follow: Follow): string | null {
  const [name, field] = Object.entries(properties).find(([, each]) => typeof follow(each).const === 'string') ?? [];
  return name === undefined || !field ? null : `\`${name}: ${String(follow(field).const)}\``;
}
