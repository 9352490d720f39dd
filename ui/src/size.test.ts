import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const source = new URL(".", import.meta.url).pathname;
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => /\.(tsx?|css)$/.test(file));

it("keeps every file short enough to read", () => {
  const long = files.filter((file) => readFileSync(join(source, file), "utf8").split("\n").length > 500);
  expect(long).toEqual([]);
});

it("never turns recorded text into markup", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write/;
  const found = files.filter((file) => !file.endsWith(".test.ts") && forbidden.test(readFileSync(join(source, file), "utf8")));
  expect(found).toEqual([]);
});

it("keeps the trace logic free of the page", () => {
  const found = files.filter((file) => file.startsWith("trace/") && /from "(?:\.\.\/(?!api\/types)|preact|@preact)|\bdocument\.|\blocalStorage\b/.test(readFileSync(join(source, file), "utf8")));
  expect(found).toEqual([]);
});
