/** Disjoint sets of strings: what shares a reference, directly or through others, is one. */
export class DisjointSets {
  readonly #parent = new Map<string, string>();

  /** The name of the set that a member is in; a new member makes a set of its own. */
  find(member: string): string {
    let root = member;
    for (;;) {
      const parent = this.#parent.get(root);
      if (parent === undefined) {
        this.#parent.set(root, root);
        return root;
      }
      if (parent === root) break;
      root = parent;
    }
    // Shorten the way for the next search.
    for (let at = member; at !== root;) {
      const next = this.#parent.get(at) ?? root;
      this.#parent.set(at, root);
      at = next;
    }
    return root;
  }

  join(members: readonly string[]): string {
    const [first, ...others] = members;
    if (first === undefined) throw new Error('a set needs a member');
    let root = this.find(first);
    for (const other of others) {
      const otherRoot = this.find(other);
      if (otherRoot !== root) this.#parent.set(otherRoot, root);
      root = this.find(root);
    }
    return root;
  }
}
