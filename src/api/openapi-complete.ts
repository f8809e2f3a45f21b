import type { createDocument } from 'zod-openapi';
import { bodyExamples, makeExample } from './openapi-examples.ts';
import { fieldDescriptions, schemaFieldDescriptions } from './openapi-words.ts';
import type { Route } from './route.ts';

type OpenApiDocument = ReturnType<typeof createDocument>;
type Json = Record<string, unknown>;

/**
 * Adds what can be said of all alike: of each field what its name means, where its schema says nothing, and an example of
 * each body and answer. `routes` by the id of their operation.
 */
export function completeDocument(document: OpenApiDocument, routes: ReadonlyMap<string, Route>): OpenApiDocument {
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, Json>>;
  for (const [id, schema] of Object.entries(schemas)) describeFields(schema, id);
  const exampleOf = makeExample(schemas);
  for (const [path, item] of Object.entries({ ...document.paths, ...document.webhooks })) {
    for (const [method, operation] of Object.entries(item as Record<string, Json>)) {
      const route = routes.get(String(operation['operationId']));
      const chosen = bodyExamples[`${method} ${route?.path ?? path.replace('/api/v1', '')}`];
      for (const media of mediaOf(operation['requestBody'])) {
        describeFields(media['schema'] as Json, '');
        media['example'] ??= chosen ?? exampleOf(requiredOf(media['schema'] as Json));
      }
      for (const response of Object.values(operation['responses'] as Record<string, Json>)) {
        for (const media of mediaOf(response)) complete(media);
      }
      for (const parameter of (operation['parameters'] as Json[] | undefined) ?? []) describeParameter(parameter);
    }
  }
  for (const response of Object.values((document.components?.responses ?? {}) as Record<string, Json>)) {
    for (const media of mediaOf(response)) complete(media);
  }
  return document;

  function complete(media: Json): void {
    const schema = media['schema'] as Json | undefined;
    if (!schema) return;
    describeFields(schema, '');
    media['example'] ??= exampleOf(schema);
  }

  /** Of a body that no example is chosen for: what must be there. */
  function requiredOf(schema: Json): Json {
    const { $ref: ref } = schema;
    if (typeof ref === 'string') return requiredOf(schemas[ref.slice(ref.lastIndexOf('/') + 1)] ?? {});
    const { properties, required } = schema as { properties?: Json; required?: string[] };
    if (!properties || schema['examples'] !== undefined) return schema;
    const kept = Object.entries(properties).filter(([name]) => required?.includes(name));
    return { ...schema, properties: Object.fromEntries(kept) };
  }
}

function mediaOf(holder: unknown): Json[] {
  return Object.values(((holder as Json | undefined)?.['content'] ?? {}) as Record<string, Json>);
}

/** `id` is that of the schema, '' of one that has none. */
function describeFields(schema: Json, id: string): void {
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Json>)) {
    field['description'] ??= ownDescription(id, name) ?? fieldDescriptions[name];
    if (field['description'] === undefined) delete field['description'];
    describeFields(field, id);
  }
  for (const inner of innerSchemas(schema)) describeFields(inner, id);
}

/** `AffiliateInput`, `AffiliateChanges` and `AffiliateWithStats` say what `Affiliate` says. */
function ownDescription(id: string, name: string): string | undefined {
  const matching = Object.keys(schemaFieldDescriptions).filter((each) => id.startsWith(each));
  const closest = matching
    .toSorted((a, b) => b.length - a.length)
    .find((each) => name in (schemaFieldDescriptions[each] ?? {}));
  return closest === undefined ? undefined : schemaFieldDescriptions[closest]?.[name];
}

function innerSchemas(schema: Json): Json[] {
  const { items, additionalProperties, anyOf, oneOf, allOf } = schema;
  return [items, additionalProperties, anyOf, oneOf, allOf]
    .flat()
    .filter((inner): inner is Json => typeof inner === 'object' && inner !== null);
}

/** A filter: what is listed is limited to it. */
function describeParameter(parameter: Json): void {
  const name = String(parameter['name']);
  const { description } = (parameter['schema'] ?? {}) as Json;
  parameter['description'] ??= description ?? fieldDescriptions[name];
  if (parameter['description'] === undefined) delete parameter['description'];
}
