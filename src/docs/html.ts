/** Text as it may stand in HTML, in an attribute too. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escaped, with what stands between backticks as code. */
export function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** Long lines scroll inside the block; it takes the focus, so that the keyboard can scroll it too. The box is for a button that copies. */
export function codeBlock(text: string): string {
  return `<div class="code"><pre tabindex="0"><code>${escapeHtml(text.trimEnd())}</code></pre></div>`;
}

/** A wide table scrolls inside this box, not with the page. */
export function scrollBox(table: string): string {
  return `<div class="scroll" tabindex="0">${table}</div>`;
}

/** The text of HTML that was made here. */
export function textOf(html: string): string {
  const text = html.replace(/<[^>]*>/g, ' ').replace(/&(?:amp|lt|gt|quot|#39);/g, (name) => characters[name] ?? name);
  return text.replace(/\s+/g, ' ').trim();
}

const characters = Object.fromEntries(Object.entries(entities).map(([character, name]) => [name, character]));
