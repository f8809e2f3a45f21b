import { lexer, Parser, Renderer, type Tokens } from 'marked';
import { codeBlock, escapeHtml, scrollBox } from './html.ts';

/** A Markdown text as HTML, with what a page around it needs to know of it. */
export interface RenderedMarkdown {
  /** The first heading of level 1; it is not part of `html`. */
  title: string;
  html: string;
  /** The headings of level 2, in their order. */
  sections: { id: string; title: string }[];
}

/** Where a link leads: an address, or a file of the repository that is not served. */
export type ResolvedLink = { href: string } | { file: string };

/**
 * Renders Markdown as the guides use it. Raw HTML in it is shown as text, never passed on. A part between
 * `<!-- generated: NAME -->` and `<!-- /generated -->` is for readers of the repository; `generated` gives the HTML that
 * stands in its place.
 */
export function renderMarkdown(
  text: string,
  resolveLink: (href: string) => ResolvedLink,
  generated: (name: string) => string,
): RenderedMarkdown {
  const renderer = new GuideRenderer(resolveLink);
  // Splitting by a pattern with one group gives texts and names by turns.
  const parts = text.split(/<!-- generated: ([\w-]+) -->[\s\S]*?<!-- \/generated -->/);
  const html = parts.map((part, index) =>
    index % 2 === 1 ? generated(part) : new Parser({ renderer }).parse(lexer(part)),
  );
  return { title: renderer.title, html: html.join('\n'), sections: renderer.sections };
}

const PICTURES = 'src/docs/pictures/';

class GuideRenderer extends Renderer {
  title = '';
  readonly sections: RenderedMarkdown['sections'] = [];
  readonly #resolveLink: (href: string) => ResolvedLink;
  readonly #slugs = new Map<string, number>();

  constructor(resolveLink: (href: string) => ResolvedLink) {
    super();
    this.#resolveLink = resolveLink;
  }

  override heading({ tokens, depth }: Tokens.Heading): string {
    const plain = unescapeHtml(this.parser.parseInline(tokens, this.parser.textRenderer));
    if (depth === 1 && this.title === '') {
      this.title = plain;
      return '';
    }
    const id = this.#takeSlug(plain);
    if (depth === 2) this.sections.push({ id, title: plain });
    return `<h${depth} id="${escapeHtml(id)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
  }

  override link({ href, tokens }: Tokens.Link): string {
    const text = this.parser.parseInline(tokens);
    const target = this.#resolveLink(href);
    if ('href' in target) return `<a href="${escapeHtml(target.href)}">${text}</a>`;
    const file = `<code>${escapeHtml(target.file)}</code>`;
    return text === file ? file : `${text} (${file})`;
  }

  override code({ text }: Tokens.Code): string {
    return codeBlock(text);
  }

  override table(token: Tokens.Table): string {
    return scrollBox(super.table(token));
  }

  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    return escapeHtml(text);
  }

  /** Pictures of our own are served; of others stands what they show. */
  override image({ href, text }: Tokens.Image): string {
    const target = this.#resolveLink(href);
    if (!('file' in target) || !target.file.startsWith(PICTURES)) return escapeHtml(text);
    return `<img src="../pictures/${escapeHtml(target.file.slice(PICTURES.length))}" alt="${escapeHtml(text)}">`;
  }

  /** As the sites that show repositories name headings, so that a link to one works in both places. */
  #takeSlug(heading: string): string {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const seen = this.#slugs.get(slug) ?? 0;
    this.#slugs.set(slug, seen + 1);
    return seen === 0 ? slug : `${slug}-${seen}`;
  }
}

function unescapeHtml(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => characters[entity] ?? entity);
}

const characters: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
