/** Where the console is: the page says it, since the hub may stand under a path. */
export const base: string = document.querySelector<HTMLMetaElement>('meta[name="console-base"]')?.content ?? '/console';
