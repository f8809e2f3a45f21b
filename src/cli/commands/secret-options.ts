import { readFileSync } from 'node:fs';

/**
 * A secret given as an argument stands in the list of processes and in the shell's history. So each option that takes one
 * has a sibling `--…-file PATH`, where `-` is standard input.
 */
export const secretFileHint = 'from a file, or from standard input (-)';

/** The secret that an option or its `-file` sibling gives. Throws where both do, or the file has none. */
export function readSecret(option: string, value: string | undefined, file: string | undefined): string | undefined {
  if (file === undefined) return value;
  if (value !== undefined) throw new Error(`Give either ${option} or ${option}-file`);
  const [secret, ...more] = readLines(option, file);
  if (secret === undefined) throw new Error(`${option}-file: there is no secret in ${describe(file)}`);
  if (more.length > 0) throw new Error(`${option}-file: there is more than one line in ${describe(file)}`);
  return secret;
}

/** The same where several may be given: one a line. */
export function readSecrets(
  option: string,
  values: string[] | undefined,
  file: string | undefined,
): string[] | undefined {
  if (file === undefined) return values;
  if (values !== undefined) throw new Error(`Give either ${option} or ${option}-file`);
  const secrets = readLines(option, file);
  if (secrets.length === 0) throw new Error(`${option}-file: there is no secret in ${describe(file)}`);
  return secrets;
}

/** Lines that are not blank, as they are but for their ends: spaces may belong to a secret. */
function readLines(option: string, file: string): string[] {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '');
  } catch (error) {
    throw new Error(`${option}-file: ${(error as Error).message}`, { cause: error });
  }
}

function describe(file: string): string {
  return file === '-' ? 'standard input' : file;
}
