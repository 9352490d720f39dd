import { expect, it } from "vitest";
import type { ActLine } from "../../api/overview.ts";
import { askAfter, merge, MOST, tellAct } from "./act_feed.ts";

const act = (act_id: number, rest: Partial<ActLine> = {}) => ({ act_id, operation: "tool", name: "execute_tool", tool_name: "Bash", detail: "ls", duration_ns: 5, mcp_server: null, ...rest }) as ActLine;

it("puts acts in the order of arrival, each once", () => {
  const list = merge([act(1), act(3, { duration_ns: null })], [act(3, { duration_ns: 9 }), act(4), act(2)]);
  expect(list.map((line) => line.act_id)).toEqual([1, 2, 3, 4]);
  expect(list[2]!.duration_ns).toBe(9);
  expect(merge(Array.from({ length: MOST }, (_, i) => act(i)), [act(MOST)])[0]!.act_id).toBe(1);
});

it("asks again for what was still open", () => {
  expect(askAfter([])).toBe(null);
  expect(askAfter([act(5), act(6)])).toBe(6);
  expect(askAfter([act(5), act(6, { duration_ns: null }), act(7)])).toBe(5);
});

it("tells what an act is about", () => {
  expect(tellAct(act(1))).toEqual({ name: "Bash", detail: "ls" });
  expect(tellAct(act(1, { mcp_server: "files", detail: "Bash: ls" }))).toEqual({ name: "Bash", detail: "files · ls" });
  expect(tellAct(act(1, { operation: "policy", decision: "deny" })).name).toBe("denied");
});
