// The acts of the live page: kept in the order of arrival, followed, paused. No DOM.

import type { ActLine } from "../../api/overview.ts";
import { t } from "../../strings.ts";

/** Lines that stay on the page; older ones are a page load away. */
export const MOST = 2000;

/** Puts newer tellings in their place and new acts at the end. Both lists rise by `act_id`. */
export function merge(old: readonly ActLine[], arrived: readonly ActLine[]): readonly ActLine[] {
  if (arrived.length === 0) return old;
  const newer = new Map(arrived.map((act) => [act.act_id, act]));
  const kept = old.map((act) => {
    const again = newer.get(act.act_id);
    newer.delete(act.act_id);
    return again ?? act;
  });
  const list = [...kept, ...newer.values()].sort((a, b) => a.act_id - b.act_id);
  return list.length > MOST ? list.slice(list.length - MOST) : list;
}

/** The act after which to ask: acts that were still open are asked for again. */
export function askAfter(acts: readonly ActLine[]): number | null {
  const recent = acts.slice(-200);
  const open = recent.find((act) => act.duration_ns === null);
  const last = recent.at(-1);
  if (last === undefined) return null;
  return open === undefined ? last.act_id : open.act_id - 1;
}

const DECISIONS: Record<string, string> = { allow: "allowed", deny: "denied", ask: "asked" };

/** What a line says: a name, and what the act is about. */
export function tellAct(act: ActLine): { name: string; detail: string } {
  const rest = (name: string) => {
    const detail = act.detail ?? "";
    return detail.startsWith(name) ? detail.slice(name.length).replace(/^[\s·:,–-]+/, "") : detail;
  };
  switch (act.operation) {
    case "model":
    case "embedding": return { name: act.model ?? act.name, detail: rest(act.model ?? act.name) };
    case "tool":
    case "mcp": {
      const name = act.tool_name ?? act.name;
      return { name, detail: [act.mcp_server, rest(name)].filter(Boolean).join(" · ") };
    }
    case "agent": return { name: act.agent_name ?? act.name, detail: rest(act.agent_name ?? act.name) };
    case "turn": return { name: t("prompt"), detail: act.detail ?? "" };
    case "policy": return { name: DECISIONS[act.decision ?? ""] ?? act.name, detail: [act.tool_name, rest(act.tool_name ?? "")].filter(Boolean).join(" · ") };
    default: return { name: act.name, detail: rest(act.name) };
  }
}
