/** `data[id]` and `items[0][id]`, as forms write paths, in the form `data.id`; `sum[]` is `sum`. */
export function toPath(name: string): string {
  return name.replaceAll(/\[([^[\]]*)\]/g, '.$1').replace(/\.+$/, '');
}
