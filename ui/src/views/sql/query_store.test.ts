import { describe, expect, it } from "vitest";
import { nameOf, namedIn, parametersOf, valueOf } from "./query_store.ts";

describe("saved queries", () => {
  it("get a name from their title", () => {
    expect(nameOf("  Slow tools, by day! ")).toBe("slow-tools-by-day");
    expect(nameOf("日本")).toBe("");
  });

  it("have the parameters that stand in their SQL", () => {
    expect(namedIn("select '$no', \"$no\" -- $no\n/* $no */ from f($a) where b = $b_2 and c = $a and d = $1")).toEqual(["a", "b_2"]);
    const since = { name: "since", type: "timestamp", default: "7d", required: false, description: "" } as const;
    expect(parametersOf("select $since, $tool", [since]).map(({ name, type, required }) => [name, type, required])).toEqual([["since", "timestamp", false], ["tool", "text", true]]);
  });

  it("take what is typed by the type of the parameter", () => {
    const of = (type: "text" | "integer" | "boolean", text: string) => valueOf({ name: "n", type, default: null, required: true, description: "" }, text);
    expect([of("text", " "), of("text", "a b"), of("integer", "12"), of("integer", "twelve"), of("boolean", "false")]).toEqual([undefined, "a b", 12, "twelve", false]);
  });
});
