/** Text as it may stand in HTML, in an attribute too. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escaped, with what stands between backticks as code. */
export function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** Long lines scroll inside the block; it takes the focus, so that the keyboard can scroll it too. */
export function codeBlock(text: string): string {
  return `<pre tabindex="0"><code>${escapeHtml(text.trimEnd())}</code></pre>`;
}

/** A wide table scrolls inside this box, not with the page. */
export function scrollBox(table: string): string {
  return `<div class="scroll" tabindex="0">${table}</div>`;
}
