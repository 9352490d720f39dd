// Status and flags of a session, the same wherever a session is listed.

import type { SessionRow } from "../../api/types.ts";
import { t } from "../../strings.ts";
import { plural } from "../../trace/format.ts";
import { Icon } from "../../widgets/icon.tsx";

const STATUS = {
  running: ["running", t("Running")],
  ok: ["ok", t("Ended well")],
  error: ["error", t("Ended with an error")],
  interrupted: ["interrupted", t("Interrupted by the user")],
  killed: ["killed", t("Killed: its process went without an end")],
} as const;

export function StatusMark({ row }: { row: SessionRow }) {
  const [icon, label] = STATUS[row.status] ?? STATUS.ok;
  return <span class={`status status-${row.status}`} title={label}><Icon name={icon} label={label} /></span>;
}

export function Flags({ row, compact = false }: { row: SessionRow; compact?: boolean }) {
  const flags: [icon: string, tone: string, text: string, label: string][] = [];
  if (row.finding_kinds.includes("loop")) flags.push(["loop", "loop", "loop", t("A loop was found")]);
  if (row.denied_count > 0) flags.push(["denied", "denied", String(row.denied_count), `${plural(row.denied_count, "action")} denied`]);
  if (row.error_count > 0) flags.push(["error", "error", String(row.error_count), plural(row.error_count, "error")]);
  const others = row.finding_kinds.filter((kind) => kind !== "loop" && kind !== "blocked");
  if (others.length > 0) flags.push(["hook", "hook", String(others.length), others.join(", ").replaceAll("_", " ")]);
  return (
    <span class="flags">
      {flags.map(([icon, tone, text, label]) => (
        <span key={icon} class={`flag tone-${tone}`} title={label}><Icon name={icon} label={label} />{compact ? null : text}</span>
      ))}
    </span>
  );
}
