import { afterEach, expect, test } from "vitest";
import { readSources, readStrings } from "../scripts/strings.mjs";
import { chooseLanguage, t, useLanguage } from "./trace/strings.ts";
import { plural } from "./trace/format.ts";

afterEach(() => useLanguage("en", {}));

test("English is what stands in the code", () => {
  expect(t("Copy link")).toBe("Copy link");
  expect(t("{0} of {1}", 3, "seven")).toBe("3 of seven");
  expect(plural(1, "span")).toBe("1 span");
  expect(plural(2, "query", "queries")).toBe("2 queries");
});

test("a catalogue changes words, their order and the plural; what it lacks stays English", () => {
  useLanguage("pl", { "{0} of {1}": "{1}: {0}", "span|one": "span", "span|few": "spany", "span|many": "spanów", Save: "" });
  expect(t("{0} of {1}", 3, "seven")).toBe("seven: 3");
  expect([1, 3, 5].map((count) => plural(count, "span"))).toEqual(["1 span", "3 spany", "5 spanów"]);
  expect(t("Copy link")).toBe("Copy link");
  expect(t("Save")).toBe("Save");
});

test("elements keep their place in the sentence", () => {
  const key = { type: "kbd" } as never;
  useLanguage("de", { "{0} marks": "mit {0} markieren" });
  expect(t("{0} marks", key)).toEqual(["mit ", key, " markieren"]);
});

test("texts from data are parts, never patterns", () => {
  expect(t("Saved as {0}", "{1} {0}")).toBe("Saved as {1} {0}");
});

test("the first wanted language that exists is taken, English where it is wanted before", () => {
  expect(chooseLanguage(["fr-CA", "de"], ["de", "fr"])).toBe("fr");
  expect(chooseLanguage(["pt-BR"], ["pt-BR", "pt"])).toBe("pt-BR");
  expect(chooseLanguage(["en-GB", "de"], ["de"])).toBeNull();
  expect(chooseLanguage(["it"], ["de"])).toBeNull();
});

test("forgotten texts are found", () => {
  expect(readStrings(`const a = <p title="Two words">Hello <b>you</b> <code>npm run</code> {t("kept")}</p>;`, "a.tsx")).toEqual({ keys: ["kept"], bare: ["Two words", "Hello", "you"] });
});

test("no text reaches the page past the catalogue", () => {
  expect(readSources().filter(({ bare }) => bare.length > 0).map(({ path, bare }) => ({ path, bare }))).toEqual([]);
});
