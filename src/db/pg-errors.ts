const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** The name of the unique constraint or index that refused a row, or null where the error is another one. */
export function findUniqueViolation(error: unknown): string | null {
  return readConstraint(error, UNIQUE_VIOLATION);
}

/** The name of the foreign key that refused a row, or null where the error is another one. */
export function findForeignKeyViolation(error: unknown): string | null {
  return readConstraint(error, FOREIGN_KEY_VIOLATION);
}

function readConstraint(error: unknown, code: string): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== code) return null;
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : '';
}
