import { describe, expect, it } from "vitest";
import { diffLines, sideBySide, withContext, type DiffLine } from "./diff.ts";
import { countChanges, editsOf } from "./edits.ts";

const SIGN = { same: " ", removed: "-", added: "+", gap: "@" } as const;
const told = (lines: DiffLine[]) => lines.map((line) => SIGN[line.kind] + line.text);

describe("a diff", () => {
  it("keeps what is equal and says what changed", () => {
    expect(told(diffLines("a\nb\nc\nd\n", "a\nB\nc\nd\ne\n"))).toEqual([" a", "-b", "+B", " c", " d", "+e"]);
    expect(told(diffLines("", "x\ny"))).toEqual(["+x", "+y"]);
    expect(told(diffLines("x", ""))).toEqual(["-x"]);
    expect(diffLines("same", "same").map((line) => line.kind)).toEqual(["same"]);
  });

  it("numbers both sides", () => {
    const lines = diffLines("a\nb\nc", "a\nx\ny\nc");
    expect(lines.map(({ before, after }) => [before, after])).toEqual([[1, 1], [2, null], [null, 2], [null, 3], [3, 4]]);
  });

  it("puts both texts together again, whatever they are", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 60; round++) {
      const make = () => Array.from({ length: random(30) }, () => "abcde"[random(5)]!).join("\n");
      const [before, after] = [make(), make()];
      const lines = diffLines(before, after);
      expect(lines.filter((line) => line.kind !== "added").map((line) => line.text).join("\n")).toBe(before);
      expect(lines.filter((line) => line.kind !== "removed").map((line) => line.text).join("\n")).toBe(after);
    }
  });

  it("of two large unlike texts is all of both", () => {
    const text = (word: string) => Array.from({ length: 6000 }, (_, i) => `${word}${i}`).join("\n");
    const lines = diffLines(text("a"), text("b"));
    expect(lines.length).toBe(12_000);
  });

  it("folds what is far from a change and pairs sides", () => {
    const before = Array.from({ length: 40 }, (_, i) => `l${i}`).join("\n");
    const lines = withContext(diffLines(before, before.replace("l20", "L20")));
    expect(told(lines)).toEqual(["@17", " l17", " l18", " l19", "-l20", "+L20", " l21", " l22", " l23", "@16"]);
    const pair = sideBySide(lines).find(({ left }) => left?.kind === "removed")!;
    expect([pair.left!.text, pair.right!.text]).toEqual(["l20", "L20"]);
  });
});

describe("edits of a call", () => {
  const lines = (text: unknown, tool = "Edit") => editsOf(typeof text === "string" ? text : JSON.stringify(text), tool).map((edit) => [edit.path, edit.kind, told(edit.lines).join("|")]);

  it.each([
    [{ file_path: "a.py", old_string: "x\ny", new_string: "x\nz" }],
    [{ filePath: "a.py", oldString: "x\ny", newString: "x\nz" }],
    [{ path: "a.py", command: "str_replace", old_str: "x\ny", new_str: "x\nz" }],
    [{ name: "replace", args: { file_path: "a.py", old_string: "x\ny", new_string: "x\nz" } }],
    [{ file_path: "a.py", edits: [{ old_string: "x\ny", new_string: "x\nz" }] }],
  ])("are read from old and new text (%#)", (given) => {
    expect(lines(given)).toEqual([["a.py", "edit", " x|-y|+z"]]);
  });

  it("are read from patches", () => {
    const patch = "*** Begin Patch\n*** Update File: a.py\n@@ def f\n x\n-y\n+z\n*** Add File: b.txt\n+new\n*** Delete File: c.txt\n*** End Patch";
    const expected = [["a.py", "edit", "@def f| x|-y|+z"], ["b.txt", "write", "+new"], ["c.txt", "delete", ""]];
    expect(lines(patch)).toEqual(expected);
    expect(lines({ input: patch }, "apply_patch")).toEqual(expected);
    expect(lines({ command: ["apply_patch", patch] }, "shell")).toEqual(expected);
    const unified = "--- a/a.py\n+++ b/a.py\n@@ -3,2 +3,2 @@\n x\n-y\n+z\n";
    expect(lines({ patch: unified })).toEqual([["a.py", "edit", " x|-y|+z"]]);
    expect(editsOf(unified, "x")[0]!.lines.map(({ before, after }) => [before, after])).toEqual([[3, 3], [4, null], [null, 4]]);
  });

  it("are whole files only where a tool writes", () => {
    expect(lines({ file_path: "n.txt", content: "a\nb" }, "Write")).toEqual([["n.txt", "write", "+a|+b"]]);
    expect(lines({ path: "n.txt", content: "a" }, "search_files")).toEqual([]);
    expect(lines({ command: "ls" }, "Bash")).toEqual([]);
    expect(lines("not json")).toEqual([]);
  });

  it("are counted", () => {
    const [edit] = editsOf(JSON.stringify({ path: "a", old_string: "1\n2", new_string: "1\n3\n4" }), "Edit");
    expect(countChanges(edit!)).toEqual({ added: 2, removed: 1 });
  });
});
