// The texts of the page. English stands in the code and is the key; a catalogue of another language,
// languages/CODE.json, maps it to that language. `npm run strings` prints every key: a translator's file.

export type Catalogue = Readonly<Record<string, string>>;

let catalogue: Catalogue = {};
let pluralRules = new Intl.PluralRules("en");

/** Takes the texts of a language (a BCP 47 code) before the page is drawn; what it lacks stays English. */
export function useLanguage(language: string, texts: Catalogue): void {
  catalogue = texts;
  pluralRules = new Intl.PluralRules(language);
}

const PLACE = /\{(\d+)\}/;

/**
 * The text in the language of the page. `{0}`, `{1}` … stand for what follows, in whatever order the
 * language wants; with elements among it the answer is children, else a string.
 */
export function t(text: string, ...parts: (string | number)[]): string;
export function t<Parts extends unknown[]>(text: string, ...parts: Parts): string | (string | Parts[number])[];
export function t<Parts extends unknown[]>(text: string, ...parts: Parts): string | (string | Parts[number])[] {
  const own = catalogue[text] || text;
  if (parts.length === 0) return own;
  // Split by a group: texts at even places, numbers of parts at odd ones.
  const pieces = own.split(PLACE).map((piece, i) => (i % 2 === 0 ? piece : parts[Number(piece)]));
  return parts.every((part) => typeof part === "string" || typeof part === "number") ? pieces.join("") : pieces;
}

/** "1 span", "3 spans": the catalogue may hold `span|one`, `span|few` and so on for its language. */
export function nounFor(count: number, noun: string, many: string): string {
  return catalogue[`${noun}|${pluralRules.select(count)}`] || t(count === 1 ? noun : many);
}

/** The first wanted language that there is a catalogue for; null where English serves. */
export function chooseLanguage(wanted: readonly string[], known: readonly string[]): string | null {
  for (const code of wanted) {
    const found = known.find((one) => one === code) ?? known.find((one) => one === code.split("-")[0]);
    if (found !== undefined) return found;
    if (/^en\b/.test(code)) return null;
  }
  return null;
}
