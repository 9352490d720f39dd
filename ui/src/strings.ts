// The texts of the page in the language of the browser, where languages/ has it.

import { chooseLanguage, useLanguage, type Catalogue } from "./trace/strings.ts";

export { t } from "./trace/strings.ts";

const catalogues = import.meta.glob<Catalogue>("./languages/*.json", { import: "default", eager: true });
const pathOf = (code: string) => `./languages/${code}.json`;
// Part of the program, not fetched: modules look texts up from their first line on.
const language = typeof document === "undefined" ? null : chooseLanguage(navigator.languages, Object.keys(catalogues).map((path) => path.slice("./languages/".length, -".json".length)));
if (language !== null) {
  useLanguage(language, catalogues[pathOf(language)]!);
  document.documentElement.lang = language;
}
