import { expect, it } from "vitest";
import type { ActLine } from "../../api/overview.ts";
import { align, firstDifference, foldAlike } from "./align.ts";

let id = 0;
const tool = (tool_name: string, detail: string) => ({ act_id: id++, operation: "tool", name: "execute_tool", tool_name, detail, agent_name: null }) as unknown as ActLine;
const model = (name: string) => ({ act_id: id++, operation: "model", name: "chat", model: name, tool_name: null, detail: null, agent_name: null }) as unknown as ActLine;
const told = (pairs: ReturnType<typeof align>) => pairs.map((row) => `${row.left?.detail ?? row.left?.operation ?? "-"}|${row.right?.detail ?? row.right?.operation ?? "-"}${row.same ? "" : "*"}`);

it("puts equal acts into one row and shows what only one run did", () => {
  const pairs = align([model("a"), tool("Read", "x"), tool("Bash", "test"), model("a")], [model("b"), tool("Read", "x"), tool("Edit", "y"), tool("Bash", "test"), model("b")]);
  expect(told(pairs)).toEqual(["model|model", "x|x", "-|y*", "test|test", "model|model"]);
  expect(firstDifference(pairs)).toBe(2);
});

it("pairs acts of one kind that differ in what they are about", () => {
  const pairs = align([tool("Bash", "make"), tool("Read", "z")], [tool("Bash", "make test"), tool("Read", "z")]);
  expect(told(pairs)).toEqual(["make|make test*", "z|z"]);
});

it("holds with nothing on one side, and with long runs", () => {
  expect(told(align([], [tool("Bash", "a")]))).toEqual(["-|a*"]);
  expect(align([], [])).toEqual([]);
  const long = Array.from({ length: 2500 }, (_, i) => tool("Bash", String(i)));
  expect(firstDifference(align(long, long))).toBe(-1);
});

it("folds what is alike", () => {
  const same = Array.from({ length: 10 }, (_, i) => tool("Read", String(i)));
  const pairs = align([...same, tool("Bash", "a")], [...same, tool("Bash", "b")]);
  expect(foldAlike(pairs)).toEqual([{ from: 0, to: 8 }, 8, 9, 10]);
});
