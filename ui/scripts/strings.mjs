// Every text of the UI that can be translated: `npm run strings` prints them as a catalogue to fill in
// (src/languages/CODE.json). The tests use the same reading of the sources to find texts that were forgotten.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));
/** Attributes that are read by people. */
const READ = new Set(["title", "aria-label", "placeholder", "label", "alt"]);
/** Elements whose text is typed or copied as it stands. */
const VERBATIM = new Set(["code", "kbd", "pre"]);
const NAMES = /^(Spanreel|SQL|UTC|JSON|CSV|tok|ms)$/;

const isText = (text) => /[A-Za-z]{2,}/.test(text) && !NAMES.test(text.trim());

function* nodes(node, inside = null) {
  yield [node, inside];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === "object" && typeof child.type === "string") yield* nodes(child, node.type === "JSXElement" ? node.openingElement.name.name : inside);
    }
  }
}

/** `keys`: what t() and plural() are given; `bare`: texts that reach the page without them. */
export function readStrings(code, name) {
  const keys = new Set();
  const bare = [];
  for (const [node, inside] of nodes(parseAst(code, { lang: name.endsWith("x") ? "tsx" : "ts" }, name))) {
    const given = node.type === "CallExpression" ? node.arguments : [];
    if (node.callee?.name === "t" && given[0]?.type === "Literal") keys.add(given[0].value);
    if (node.callee?.name === "plural" && given[1]?.type === "Literal") {
      keys.add(given[1].value);
      keys.add(given[2]?.value ?? `${given[1].value}s`);
    }
    if (node.type === "Property" && node.key.name === "group" && node.value.type === "Literal") keys.add(node.value.value);
    if (node.type === "JSXText" && isText(node.value) && !VERBATIM.has(inside)) bare.push(node.value.trim());
    if (node.type === "JSXAttribute" && READ.has(node.name.name) && node.value?.type === "Literal" && isText(node.value.value)) bare.push(node.value.value);
  }
  return { keys: [...keys], bare };
}

/** The same of every source file, by path. */
export function readSources() {
  return readdirSync(SOURCES, { recursive: true })
    .filter((path) => /\.tsx?$/.test(path) && !/\.test\.|\.d\.ts$/.test(path))
    .map((path) => ({ path: relative(".", join("src", path)), ...readStrings(readFileSync(join(SOURCES, path), "utf8"), path) }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const keys = [...new Set(readSources().flatMap((source) => source.keys))].sort();
  console.log(JSON.stringify(Object.fromEntries(keys.map((key) => [key, ""])), null, 2));
}
