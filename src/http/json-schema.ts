/**
 * For `.meta()` of schemas that check or convert by code what JSON Schema has a keyword for: keywords to render differently
 * from what zod makes of the schema. Undefined removes one.
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
