import { readFileSync } from 'node:fs';
import { codeBlock } from '../html.ts';

const languages = [
  { name: 'Node', file: 'verify-webhook.mjs' },
  { name: 'Python', file: 'verify_webhook.py' },
  { name: 'PHP', file: 'verify-webhook.php' },
  { name: 'Ruby', file: 'verify_webhook.rb' },
  { name: 'Go', file: 'verify_webhook.go' },
] as const;

/** The programs are whole files, so that they can be run as they are. */
export function renderPrograms(): string {
  return languages
    .map(({ name, file }) => {
      const program = readFileSync(new URL(`../examples/${file}`, import.meta.url), 'utf8');
      return `<h2 id="${name.toLowerCase()}">${name}</h2>\n${codeBlock(program)}`;
    })
    .join('\n');
}
