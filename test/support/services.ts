export interface TestServices {
  /** PostgreSQL superuser, database `postgres`. */
  adminUrl: string;
  /** Name of the migrated database that tests clone. */
  template: string;
  redisUrl: string;
}

/** The servers that `npm test` (test/support/run-all.ts) started for this run. */
export function testServices(): TestServices {
  const { TEST_DATABASE_ADMIN_URL, TEST_DATABASE_TEMPLATE, TEST_REDIS_URL } = process.env;
  if (!TEST_DATABASE_ADMIN_URL || !TEST_DATABASE_TEMPLATE || !TEST_REDIS_URL) {
    throw new Error('This test needs servers: run it with `npm test -- test/path/to/file.test.ts`');
  }
  return { adminUrl: TEST_DATABASE_ADMIN_URL, template: TEST_DATABASE_TEMPLATE, redisUrl: TEST_REDIS_URL };
}
