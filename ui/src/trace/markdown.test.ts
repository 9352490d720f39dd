import { describe, expect, it } from "vitest";
import { inline, parseMarkdown, type Block, type Inline } from "./markdown.ts";

const plain = (list: Inline[]): string => list.map((item) => (item.kind === "text" || item.kind === "code" ? item.text : plain(item.children))).join("");
const shape = (block: Block): string => (block.kind === "list" ? `${block.ordered ? "ol" : "ul"}(${block.items.map((item) => item.children.map(shape).join("+")).join(",")})` : block.kind === "quote" ? `quote(${block.children.map(shape).join(",")})` : block.kind);

describe("markdown", () => {
  it("is read block by block", () => {
    const text = "# Done\n\nThe *fix* is in.\n\n```ts\nconst a = `1`;\n# no heading\n```\n\n- one\n- two\n  - deeper\n\n1. first\n2. second\n\n> said\n> so\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    expect(parseMarkdown(text).map(shape)).toEqual(["heading", "paragraph", "code", "ul(paragraph,paragraph+ul(paragraph))", "ol(paragraph,paragraph)", "quote(paragraph)", "rule", "table"]);
  });

  it("keeps code as it stands", () => {
    const [code] = parseMarkdown("```rust\nlet x = **p;\n\n  <b>\n```");
    expect(code).toEqual({ kind: "code", language: "rust", text: "let x = **p;\n\n  <b>" });
    expect(parseMarkdown("```\nnever closed")).toEqual([{ kind: "code", language: "", text: "never closed" }]);
  });

  it("marks words within a line", () => {
    expect(inline("a **b** `c` _d_ ~~e~~ [f](http://x.example/y)").map((item) => item.kind)).toEqual(["text", "strong", "text", "code", "text", "em", "text", "strike", "text", "link"]);
    expect(inline("snake_case_name and 2*3*4 stay")).toEqual([{ kind: "text", text: "snake_case_name and 2" }, { kind: "em", children: [{ kind: "text", text: "3" }] }, { kind: "text", text: "4 stay" }]);
    expect(plain(inline("\\*not\\* marked"))).toBe("*not* marked");
  });

  it("makes no markup of markup", () => {
    const hostile = '<img src=x onerror=alert(1)> <script>x</script> ![p](http://evil.example/p.png) [c](javascript:alert(1))';
    const [paragraph] = parseMarkdown(hostile);
    const kinds = new Set((paragraph as Extract<Block, { kind: "paragraph" }>).children.map((item) => item.kind));
    expect([...kinds].sort()).toEqual(["link", "text"]);
  });

  it("tells tasks that are done", () => {
    const [list] = parseMarkdown("- [x] done\n- [ ] to do\n- other");
    expect((list as Extract<Block, { kind: "list" }>).items.map((item) => item.checked)).toEqual([true, false, null]);
  });

  it.each([["stars", "*".repeat(40_000)], ["ticks", "`".repeat(40_000)], ["brackets", "[".repeat(40_000)], ["quotes", ">".repeat(5000)], ["indents", "  - a\n".repeat(8000)], ["underscores", "_a".repeat(20_000)]])("stays quick on hostile %s", (_name, text) => {
    parseMarkdown(text);
  });

  it("loses no text", () => {
    const words = "alpha beta **gamma** `delta`";
    expect(plain(inline(words))).toBe("alpha beta gamma delta");
  });
});
