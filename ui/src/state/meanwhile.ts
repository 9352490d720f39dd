// An answer is as old as its question. What the live stream tells while the answer is on its way is told
// again on top of it: else a session that begins just then would be missing until something else happens to it.

type Change = () => void;

/** Changes to something that is read from the server and kept current by the live stream. */
export class Meanwhile {
  #told: Change[] | null = null;

  /** A question is sent; one that was sent before no longer counts. */
  asked(): void {
    this.#told = [];
  }

  /** Makes a change now, and once more when an answer comes that may not hold it. */
  tell(change: Change): void {
    change();
    this.#told?.push(change);
  }

  /** The answer is in place, or will never come. */
  answered(): void {
    const told = this.#told ?? [];
    this.#told = null;
    for (const change of told) change();
  }
}
