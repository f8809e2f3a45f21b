/** What of JSON Schema stands in the OpenAPI document and in the catalogue of events. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: readonly unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

/** Follows a reference, and gives what is none as it is. */
export type Follow = <T extends { $ref?: string }>(given: T) => T;

/** Itself, or whatever it may be one of; null is none of them. */
export function optionsOf(schema: Schema, follow: Follow): Schema[] {
  const found = follow(schema);
  const options = found.anyOf ?? found.oneOf;
  if (options) return options.flatMap((option) => optionsOf(option, follow));
  return found.type === 'null' ? [] : [found];
}

/** In words: `string`, `sale | renewal`, `array of object or null`. */
export function nameType(schema: Schema, follow: Follow): string {
  const found = follow(schema);
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map(String).join(' | ');
  const options = found.anyOf ?? found.oneOf;
  if (options) return [...new Set(options.map((option) => nameType(option, follow)))].join(' | ');
  if (found.items) return `array of ${nameType(found.items, follow)}`;
  if (found.format === 'date-time') return 'time';
  return Array.isArray(found.type) ? found.type.join(' | ') : (found.type ?? 'any');
}

/** What else holds for a value, in words. */
export function nameLimits({ default: usual, minimum, maximum, minLength, maxLength, maxItems }: Schema): string {
  const words: string[] = [];
  // Whole numbers have the limits of what JavaScript can count, which say nothing.
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (low !== undefined && high !== undefined) words.push(`${low} to ${high}`);
  else if (low !== undefined) words.push(`at least ${low}`);
  else if (high !== undefined) words.push(`at most ${high}`);
  if (maxLength !== undefined) words.push(`at most ${maxLength} characters`);
  else if ((minLength ?? 0) > 0) words.push('not empty');
  if (maxItems !== undefined) words.push(`at most ${maxItems}`);
  if (usual !== undefined) words.push(`default ${JSON.stringify(usual)}`);
  return words.join(', ');
}
