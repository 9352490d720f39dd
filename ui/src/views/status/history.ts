// What the counters of a server say from look to look: rates of the last minutes.

/** One look at counters that only rise. */
export interface Look {
  atMs: number;
  counts: Readonly<Record<string, number>>;
}

/** Looks that are kept: two minutes of one every two seconds. */
export const KEPT = 60;

/** `look` behind the others. Counters that fell are those of a server that was started anew. */
export function keep(looks: readonly Look[], look: Look): readonly Look[] {
  const before = looks.at(-1);
  const restarted = before !== undefined && Object.entries(look.counts).some(([name, count]) => count < (before.counts[name] ?? 0));
  return [...(restarted ? [] : looks), look].slice(-(KEPT + 1));
}

/** How fast a counter rose between each two looks, per second; older ones first, as many as are kept at most. */
export function ratesOf(looks: readonly Look[], name: string): number[] {
  return looks.slice(1).map((look, i) => {
    const before = looks[i]!;
    const seconds = (look.atMs - before.atMs) / 1000;
    return seconds <= 0 ? 0 : ((look.counts[name] ?? 0) - (before.counts[name] ?? 0)) / seconds;
  });
}
