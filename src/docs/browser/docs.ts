const search = document.querySelector<HTMLButtonElement>('.search-open');
search?.addEventListener('click', () => void openSearch());
window.addEventListener('keydown', (event) => {
  const isChord = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
  if (!isChord && (event.key !== '/' || event.ctrlKey || event.altKey || event.metaKey || !hasSingleKeys(event)))
    return;
  event.preventDefault();
  void openSearch();
});

const theme = document.querySelector<HTMLSelectElement>('select.theme');
if (theme) {
  theme.value = document.documentElement.dataset['theme'] ?? 'system';
  theme.addEventListener('change', () => {
    document.documentElement.dataset['theme'] = theme.value;
    localStorage.setItem('tributary-theme', theme.value);
  });
}

for (const block of document.querySelectorAll<HTMLElement>('.code')) block.append(copyButton(block));

/** The library and the index come when somebody searches. */
async function openSearch(): Promise<void> {
  const { showSearch } = await import('./search.ts');
  showSearch(new URL('../', import.meta.url));
}

/** Single keys can be switched off in the console, and are letters where somebody types. */
function hasSingleKeys({ target }: KeyboardEvent): boolean {
  const isTyping = target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  return !isTyping && localStorage.getItem('tributary-single-keys') !== 'off';
}

function copyButton(block: HTMLElement): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', () => void copy(block, button));
  return button;
}

const COPIED_MS = 1_500;

/** Browsers lend the clipboard to https and to this machine alone; elsewhere the text is selected, to be copied by hand. */
async function copy(block: HTMLElement, button: HTMLButtonElement): Promise<void> {
  const code = block.querySelector('pre');
  if (!code) return;
  const isCopied = await Promise.resolve(navigator.clipboard?.writeText(code.textContent)).then(
    () => window.isSecureContext,
    () => false,
  );
  if (!isCopied) getSelection()?.selectAllChildren(code);
  button.textContent = isCopied ? 'Copied' : 'Selected';
  setTimeout(() => (button.textContent = 'Copy'), COPIED_MS);
}
