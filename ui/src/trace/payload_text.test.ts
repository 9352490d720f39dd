import { describe, expect, it } from "vitest";
import { formsOf, indentJson, parseLossless, plainText, stringify } from "./json_text.ts";
import { countLines, cutBlocks, findAll, oneLine, segments, splitRedacted, utf8Length } from "./payload_text.ts";
import { formatBytes, formatCost, formatCount, formatDuration, groupDigits } from "./format.ts";

describe("cutBlocks", () => {
  it("covers 200,031 characters without a gap or an overlap", () => {
    const text = `${"FAIL checkout/rounding line\n".repeat(7000)}`.padEnd(200_031, "x").slice(0, 200_031);
    const blocks = cutBlocks(text);
    expect(blocks.map((block) => text.slice(block.from, block.to)).join("")).toBe(text);
    expect(Math.max(...blocks.map((block) => block.to - block.from))).toBeLessThanOrEqual(6000);
  });

  it("cuts one endless line, never inside a surrogate pair", () => {
    const text = `x${"😀".repeat(10_000)}`;
    const blocks = cutBlocks(text);
    expect(blocks.length).toBeGreaterThan(3);
    for (const block of blocks) expect(text.slice(block.from, block.to).isWellFormed()).toBe(true);
  });

  it("counts bytes as UTF-8 does", () => {
    for (const text of ["", "abc", "ü", "€uro", "😀!", "a\u0000"]) expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  });

  it("counts lines as an editor does", () => {
    expect([countLines(""), countLines("a"), countLines("a\n"), countLines("a\nb")]).toEqual([0, 1, 1, 2]);
  });
});

describe("segments", () => {
  it("shows control characters instead of obeying them", () => {
    expect(segments("a\u0000b\u001b[31m")).toEqual([
      { text: "a", control: null },
      { text: "␀", control: "NUL U+0000" },
      { text: "b", control: null },
      { text: "␛", control: "ESC U+001B" },
      { text: "[31m", control: null },
    ]);
  });

  it("names bidi overrides, lone surrogates and byte order marks", () => {
    const shown = segments("x\u202Ey\uD800z\uFEFF").filter((segment) => segment.control !== null);
    expect(shown.map((segment) => segment.text)).toEqual(["RLO", "U+D800", "BOM"]);
  });

  it("keeps tabs, line ends and emoji as they are", () => {
    const text = "a\tb\r\nc 😀\n";
    expect(segments(text).map((segment) => segment.text).join("")).toBe("a\tb\nc 😀\n");
    expect(segments(text).every((segment) => segment.control === null)).toBe(true);
  });

  it("makes one line of many", () => {
    expect(oneLine(" a\n\n b\u202E ")).toBe("a b‹RLO›");
  });

  it("finds matches whatever the case", () => {
    expect(findAll("Fail fail FAIL", "fail")).toEqual([0, 5, 10]);
    expect(findAll("İi", "i")).toEqual([1]);
  });
});

describe("json text", () => {
  it("indents without touching a digit", () => {
    expect(indentJson('{"id":9007199254740993,"a":[1.10,{}],"s":"x: {\\" y"}')).toBe(
      '{\n  "id": 9007199254740993,\n  "a": [\n    1.10,\n    {}\n  ],\n  "s": "x: {\\" y"\n}',
    );
    expect(indentJson("not json")).toBeNull();
    expect(indentJson('{"cut": "of')).toBeNull();
    expect(indentJson("12")).toBeNull();
  });

  it("writes values with line breaks as the person wrote them", () => {
    expect(plainText({ command: "ls\npwd", n: 2, list: ["a"] })).toBe("command: ls\npwd\nn: 2\nlist:\n  - a".replace("command: ls\npwd", "command: \n  ls\n  pwd"));
  });

  it("chooses the form that reads best", () => {
    expect(formsOf('{"command":"ls","n":1}').preferred).toBe("plain");
    expect(formsOf('[{"a":[1,2]}]').preferred).toBe("json");
    expect(formsOf('[{"text":"exit=1\\nFAILED"}]').preferred).toBe("plain");
    expect(formsOf('"said\\nso"')).toEqual({ plain: "said\nso", json: '"said\\nso"', preferred: "plain" });
    expect(formsOf('"quoted" text').preferred).toBe("raw");
    expect(formsOf("plain").preferred).toBe("raw");
  });

  it("stringifies big integers exactly", () => {
    expect(stringify({ a: 9007199254740993n, b: [] })).toBe('{\n  "a": 9007199254740993,\n  "b": []\n}');
  });

  // The runtime that runs these tests may be too old for JSON.parse source text access; browsers have it.
  const supported = JSON.parse("1", ((_k: string, _v: unknown, c?: { source?: string }) => c?.source === "1") as never) as unknown as boolean;
  it.runIf(supported)("reads integers beyond 2^53 exactly", () => {
    expect(parseLossless('[9007199254740993, 1.5, 12]')).toEqual([9007199254740993n, 1.5, 12]);
  });
});

describe("format", () => {
  it("keeps three digits or so", () => {
    expect([210e6, 2.1e9, 42.1e9, 999.7e6, 75e9, 3.7e12, 999, 1500].map(formatDuration)).toEqual(["210 ms", "2.1 s", "42.1 s", "1 s", "1 min 15 s", "1 h 02 min", "999 ns", "1.5 µs"]);
    expect([999, 1234, 12_400, 312_000, 1_234_567].map(formatCount)).toEqual(["999", "1.2k", "12k", "312k", "1.23M"]);
    expect([512, 41_000, 200_031, 5_200_000].map(formatBytes)).toEqual(["512 B", "41 KB", "200 KB", "5.2 MB"]);
    expect([0, 0.0042, 0.84, 120].map(formatCost)).toEqual(["$0", "$0.0042", "$0.84", "$120"]);
    expect(groupDigits(200031)).toBe("200,031");
  });
});

describe("what stands in for secrets", () => {
  it("is told apart from the text around it", () => {
    expect(splitRedacted("key=[redacted:github_token:1a2b], [redacted:email] [redacted:] [redacted:x:zz]")).toEqual([
      { text: "key=", kind: null }, { text: "[redacted:github_token:1a2b]", kind: "github_token" }, { text: ", ", kind: null }, { text: "[redacted:email]", kind: "email" }, { text: " [redacted:] [redacted:x:zz]", kind: null },
    ]);
    expect(splitRedacted("")).toEqual([]);
  });
});
