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

const ui = new URL("..", import.meta.url).pathname;

it("names every package of the page, and only those, in the architecture", () => {
  const { dependencies } = JSON.parse(readFileSync(join(ui, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  const text = readFileSync(join(ui, "../ARCHITECTURE.md"), "utf8");
  const table = text.slice(text.indexOf("| npm package at run time |"));
  const told = table.slice(0, table.indexOf("\n\n")).split("\n").slice(2).flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
  // In a row of one scope the others stand without it.
  const full = told.map((name) => (name in dependencies ? name : `@codemirror/${name}`));
  expect(full.sort()).toEqual(Object.keys(dependencies).sort());
});

it("keeps what every visit loads below 500 KB", () => {
  const built = join(ui, "dist");
  const bytes = readdirSync(built).filter((file) => !/^(sql_page\.js|replay\.html)$/.test(file)).reduce((sum, file) => sum + readFileSync(join(built, file)).length, 0);
  expect(bytes).toBeLessThan(500_000);
});
