/**
 * For `.meta()`: keywords to render differently from what zod would make of the schema; undefined takes one away. For
 * schemas that check or convert by code what JSON Schema has a word for.
 */
export function rendersAs(keywords: Readonly<Record<string, unknown>>) {
  return {
    override: ({ jsonSchema }: { jsonSchema: object }): void => {
      const target = jsonSchema as Record<string, unknown>;
      for (const [keyword, value] of Object.entries(keywords)) {
        if (value === undefined) delete target[keyword];
        else target[keyword] = value;
      }
    },
  };
}
