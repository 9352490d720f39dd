// Which rows of a comparison are shown: differences, with a little of what is alike around them.

/** Places of rows that are alike and were folded away: from, and before. */
export interface Folded {
  from: number;
  to: number;
}

/** `alike` tells for each row whether both sides agree; longer stretches of agreement are folded. */
export function foldAlike(alike: readonly boolean[], around = 2): (number | Folded)[] {
  const shown = new Uint8Array(alike.length);
  alike.forEach((same, i) => {
    if (!same) for (let k = Math.max(0, i - around); k <= Math.min(alike.length - 1, i + around); k++) shown[k] = 1;
  });
  const list: (number | Folded)[] = [];
  for (let i = 0; i < alike.length; i++) {
    let end = i;
    while (end < alike.length && shown[end] === 0) end++;
    if (end - i > 2) {
      list.push({ from: i, to: end });
      i = end - 1;
    } else list.push(i);
  }
  return list;
}
