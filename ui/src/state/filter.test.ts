import { describe, expect, it } from "vitest";
import type { SessionRow } from "../api/types.ts";
import { parseFilter, readDuration, replaceTerms, rowPasses, suggest, termProblem, toggleTerm, toParams } from "./filter.ts";

const DAY_MS = 86_400_000;
const bounds = { dayStart: (day: string, days = 0) => Date.parse(`${day}T00:00:00Z`) + days * DAY_MS, now: Date.parse("2026-11-21T12:00:00Z") };
const params = (text: string) => decodeURIComponent(toParams(text, bounds).toString());

describe("the filter language", () => {
  it("tells terms from words", () => {
    expect(parseFilter('fix tool:Bash project:"my app" cost>0.5').map(({ field, sign, value }) => [field, sign, value])).toEqual([
      [null, ":", "fix"], ["tool", ":", "Bash"], ["project", ":", "my app"], ["cost", ">", "0.5"],
    ]);
  });

  it("leaves what only looks like a term alone", () => {
    expect(parseFilter("http://x nothing:y").map((term) => term.value)).toEqual(["http://x", "nothing:y"]);
  });

  it("survives half a term", () => {
    for (const text of ["tool:", 'tool:"Ba', "cost>", ":", '"', "<", "  "]) expect(() => toParams(text, bounds)).not.toThrow();
    expect(parseFilter("tool:")[0]).toMatchObject({ field: "tool", value: "", from: 0, to: 5 });
  });

  it("asks the API for what is meant", () => {
    expect(params("fix it tool:Bash tool:Read")).toBe("tool=Bash&tool=Read&q=fix+it");
    expect(params("cost>0.5 cost<2 duration>5m")).toBe("min_cost_usd=0.5&max_cost_usd=2&min_duration_ns=300000000000");
    expect(params("day:2026-11-20")).toBe(`from_ns=${bounds.dayStart("2026-11-20")}000000&until_ns=${bounds.dayStart("2026-11-21")}000000`);
    expect(params("from:24h")).toBe(`from_ns=${bounds.now - DAY_MS}000000`);
    expect(params("cost>much day:soon")).toBe("");
  });

  it("says what is wrong with a term", () => {
    expect(parseFilter("cost>much duration>x day:soon from:7d tool:Bash").map(termProblem)).toEqual([
      expect.stringContaining("cost"), expect.stringContaining("duration"), expect.stringContaining("day"), null, null,
    ]);
    expect(readDuration("1.5h")).toBe(5400e9);
  });

  it("adds, removes and replaces terms", () => {
    expect(toggleTerm("fix", "status", "error")).toBe("fix status:error");
    expect(toggleTerm("fix status:error tool:x", "status", "error")).toBe("fix tool:x");
    expect(replaceTerms("fix from:7d until:2026-01-01", ["day", "from", "until"], "day:2026-02-03")).toBe("fix day:2026-02-03");
  });

  it("judges a row as the server does", () => {
    const row = {
      session_id: "s1", title: "Fix the build", harness: "claude-code", host: null, project: "demo", status: "ok", models: ["m1"], tools: ["Bash"], tags: [], finding_kinds: ["loop"],
      cost_usd: null, duration_ns: 60e9, started_at: "2026-11-20T10:00:00Z",
    } as unknown as SessionRow;
    for (const text of ["", "FIX", "tool:bash harness:claude-code", "finding:any", "day:2026-11-20", "duration>59s"]) expect(rowPasses(row, text, bounds), text).toBe(true);
    for (const text of ["tool:Read", "cost>0", "day:2026-11-21", "status:error", "from:12h"]) expect(rowPasses(row, text, bounds), text).toBe(false);
    expect(rowPasses(row, "agent:Explore", bounds)).toBe(null);
  });
});

describe("completion", () => {
  const values = { tool: [{ value: "Bash", session_count: 3 }, { value: "Read file", session_count: 1 }], model: [{ value: "bash-model", session_count: 1 }] };
  const labels = (text: string, caret = text.length) => suggest(text, caret, values).list.map((item) => item.text);

  it("offers fields, and values whichever their field", () => {
    expect(labels("to")).toContain("tool:");
    expect(labels("bash")).toEqual(["model:bash-model", "tool:Bash"]);
    expect(labels("")).toContain("harness:");
  });

  it("offers the values of the field at the caret", () => {
    expect(labels("tool:")).toEqual(["tool:Bash", 'tool:"Read file"']);
    expect(labels("tool:re fix", 7)).toEqual(['tool:"Read file"']);
    expect(labels("cost>")).toContain("cost>1");
    expect(suggest("fix tool:re", 11, values)).toMatchObject({ from: 4, to: 11 });
  });
});
