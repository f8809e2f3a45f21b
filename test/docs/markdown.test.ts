import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveLink } from '../../src/docs/guides.ts';
import { renderMarkdown } from '../../src/docs/markdown.ts';

function render(text: string) {
  return renderMarkdown(
    text,
    (href) => resolveLink('src/docs/walk.md', href),
    (name) => `<b>${name}</b>`,
  );
}

describe('Markdown as the guides use it', () => {
  test('the first heading is the title, those of level 2 are the sections, equal ones get ids of their own', () => {
    const { title, html, sections } = render(
      '# A `b` & c\n\ntext\n\n## One: `TWO_3`!\n\n## One\n\n## One\n\n### Ä & ö',
    );
    assert.equal(title, 'A b & c');
    assert.deepEqual(sections, [
      { id: 'one-two_3', title: 'One: TWO_3!' },
      { id: 'one', title: 'One' },
      { id: 'one-1', title: 'One' },
    ]);
    assert.ok(!html.includes('<h1') && html.includes('<h3 id="ä--ö">Ä &amp; ö</h3>'), html);
  });

  test('raw HTML is text, in a line and as a block', () => {
    const { html } = render(`# T\n\na <b onclick="x">b</b> c\n\n<script>alert(1)</script>\n\n<!-- a remark -->`);
    assert.deepEqual(html.match(/<(?!\/?p>)[^>]*>/g), null, html);
    assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  });

  test('a marked place is filled in with what is made from the code', () => {
    const { html } = render(
      '# T\n\nbefore\n\n<!-- generated: macros -->\nin the repository\n<!-- /generated -->\n\nafter',
    );
    assert.deepEqual(html.split('\n').filter(Boolean), ['<p>before</p>', '<b>macros</b>', '<p>after</p>']);
  });

  test('code and tables scroll inside themselves, and nothing of them is markup', () => {
    const { html } = render('# T\n\n```html\n<script src="x">\n```\n\n| a | b |\n|---|---|\n| `<i>` | 1 |');
    assert.ok(html.includes('<pre tabindex="0"><code>&lt;script src=&quot;x&quot;&gt;</code></pre>'), html);
    assert.match(html, /<div class="scroll" tabindex="0"><table>.*<code>&lt;i&gt;<\/code>.*<\/table>\s*<\/div>/s);
  });
});

describe('links of a guide', () => {
  for (const [href, served] of [
    ['configuration.md', 'configuration'],
    ['configuration.md#limits', 'configuration#limits'],
    ['README.md', './'],
    ['../../README.md#configuration', 'readme#configuration'],
    ['#one', '#one'],
    ['https://example.com/a?b=1&c=2', 'https://example.com/a?b=1&amp;c=2'],
  ] as const) {
    test(`to ${href} leads to ${served}`, () => {
      assert.ok(render(`[x](${href})`).html.includes(`<a href="${served}">x</a>`));
    });
  }

  test('to a file of the repository that is not served names it', () => {
    const { html } = render('[the table](../outbound/events/event-types.ts), [`Procfile`](../../Procfile)');
    assert.equal(
      html.trim(),
      '<p>the table (<code>src/outbound/events/event-types.ts</code>), <code>Procfile</code></p>',
    );
  });

  for (const href of ['javascript:alert(1)', 'data:text/html,x', '//example.com', '/docs', 'mailto:a@example.com']) {
    test(`to ${href} is refused`, () => {
      assert.throws(() => render(`[x](${href})`), /neither a file nor https/);
    });
  }
});
