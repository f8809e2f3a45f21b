import { codeBlock, escapeHtml, prose } from '../html.ts';
import { renderMarkdown } from '../markdown.ts';
import type { Content, Operation, Reference, Response } from './document.ts';
import { describeField, fieldTable, renderFields } from './fields.ts';
import { sampleCall } from './sample.ts';

/** All about one call: what it takes and answers at the left, the samples at the right. */
export function renderOperation(operation: Operation, { address, follow }: Reference): string {
  const { operationId, summary, description, parameters, body, responses } = operation;
  const isError = ({ status }: { status: string }): boolean => !/^[23]/.test(status);
  const successes = responses.filter((each) => !isError(each));
  const example = exampleOf(successes[0]?.response.content);
  const tables = (['path', 'query', 'header'] as const).map((place) => {
    const fields = parameters
      .filter((parameter) => parameter.in === place)
      .map(({ name, schema, description: words, required }) => ({
        ...describeField(name, { ...schema, ...(words === undefined ? {} : { description: words }) }, follow),
        ...(required && place !== 'path' ? { isRequired: true } : {}),
      }));
    return fieldTable(fields, { path: 'In the path', query: 'In the query', header: 'Header' }[place]);
  });
  return `<section class="operation" aria-labelledby="${operationId}">
<h2 id="${operationId}"><a class="anchor" href="#${operationId}">${prose(summary)}</a></h2>
${renderCall(operation)}
<div class="about">
${renderText(description)}
${tables.filter(Boolean).join('\n')}
${body ? renderBody(body, follow) : ''}
<h3>Answers</h3>
${successes.map(({ status, response }) => renderSuccess(status, response, follow)).join('\n')}
${renderErrors(responses.filter(isError))}
</div>
<div class="samples">
<h3>Call</h3>
${codeBlock(sampleCall(operation, address))}
${example === null ? '' : `<h3>Answer ${successes[0]?.status ?? ''}</h3>\n${codeBlock(example)}`}
</div>
</section>`;
}

/** `POST /api/v1/…`; the method is a word, not only a colour. */
export function renderCall({ method, path }: Pick<Operation, 'method' | 'path'>): string {
  return `<p class="call"><span class="method">${method}</span> <code>${escapeHtml(path)}</code></p>`;
}

function renderText(markdown: string): string {
  return renderMarkdown(
    markdown,
    (href) => ({ href }),
    () => '',
  ).html;
}

function renderBody(body: Content, follow: Reference['follow']): string {
  const schema = Object.values(body)[0]?.schema;
  if (!schema) return '';
  const words = follow(schema).description ?? '';
  const fields = renderFields(schema, { follow, saysRequired: true });
  return `<h3>Body</h3>\n${renderText(words)}\n${fields === '' ? '<p>Any JSON object.</p>' : fields}`;
}

function renderSuccess(status: string, { description, content = {} }: Response, follow: Reference['follow']): string {
  const types = Object.keys(content);
  const isJson = types.includes('application/json') || types.length === 0;
  const schema = content['application/json']?.schema;
  const fields = schema ? renderFields(schema, { follow }) : '';
  const head = `<b>${status}</b> ${prose(description)}${isJson ? '' : `: ${types.map(escapeHtml).join(', ')}`}`;
  return fields === '' ? `<p>${head}</p>` : `<details><summary>${head}</summary>\n${fields}\n</details>`;
}

function renderErrors(errors: Operation['responses']): string {
  const named = errors.filter(({ status }) => status !== 'default');
  if (named.length === 0) return '';
  const items = errors.map(({ status, response }) => `<li><b>${status}</b> ${prose(response.description)}</li>`);
  const statuses = named.map(({ status }) => status).join(', ');
  return `<details><summary>Errors: ${statuses}</summary>\n<ul>${items.join('\n')}</ul>\n</details>`;
}

function exampleOf(content: Content = {}): string | null {
  const example = content['application/json']?.example;
  return example === undefined ? null : JSON.stringify(example, null, 2);
}
