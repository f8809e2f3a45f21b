import type { z } from 'zod';

/** The forms of a union, as an error names them: `{type: "cpa", amountMinor} or {type: "cps", rateBps}`. */
export function describeForms(union: unknown): string {
  const forms = optionsOf(union).map(describe);
  return [...new Set(forms)].join(' or ');
}

type Definition = z.core.$ZodTypeDef & {
  options?: unknown[];
  shape?: Record<string, unknown>;
  values?: unknown[];
  entries?: Record<string, string>;
  element?: unknown;
  innerType?: unknown;
  in?: unknown;
};

function definitionOf(schema: unknown): Definition {
  return (schema as z.core.$ZodType)._zod.def;
}

function optionsOf(schema: unknown): unknown[] {
  return definitionOf(schema).options ?? [];
}

function describe(schema: unknown): string {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case 'object':
      return `{${Object.entries(definition.shape ?? {})
        .map(([name, field]) => describeField(name, field))
        .join(', ')}}`;
    case 'literal':
      return (definition.values ?? []).map((value) => JSON.stringify(value)).join(' or ');
    case 'enum':
      return Object.values(definition.entries ?? {}).join(', ');
    case 'union':
      return describeForms(schema);
    case 'array':
      return 'a list';
    case 'string':
      return 'text';
    default:
      return describeWrapped(definition);
  }
}

function describeWrapped({ type, innerType, in: input }: Definition): string {
  const inner = innerType ?? input;
  if (inner !== undefined) return describe(inner);
  return type === 'null' ? 'null' : `a ${type}`;
}

/** A field of one fixed value is told with it; one that may be left out has a question mark. */
function describeField(name: string, field: unknown): string {
  const { type } = definitionOf(field);
  if (type === 'literal') return `${name}: ${describe(field)}`;
  return type === 'optional' || type === 'default' ? `${name}?` : name;
}
