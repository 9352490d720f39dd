// One table of commands: hotkeys, the help and the palette come from it. A view provides what it
// can do while it is on screen; what nobody provides is neither listed nor bound.

import { signal } from "@preact/signals";
import { t } from "./strings.ts";

export interface Command {
  id: string;
  label: string;
  keys: string[];
  group: "Move" | "View" | "Replay" | "Inspect" | "Find" | "SQL" | "Go to" | "Page";
}

export const COMMANDS: readonly Command[] = [
  { id: "next", label: t("Next row"), keys: ["j", "ArrowDown"], group: "Move" },
  { id: "previous", label: t("Previous row"), keys: ["k", "ArrowUp"], group: "Move" },
  { id: "next_turn", label: t("Next turn"), keys: ["J"], group: "Move" },
  { id: "previous_turn", label: t("Previous turn"), keys: ["K"], group: "Move" },
  { id: "collapse", label: t("Collapse, or go to the parent"), keys: ["h", "ArrowLeft"], group: "Move" },
  { id: "expand", label: t("Expand, or go to the first child"), keys: ["l", "ArrowRight"], group: "Move" },
  { id: "first", label: t("First row"), keys: ["Home"], group: "Move" },
  { id: "last", label: t("Last row"), keys: ["End"], group: "Move" },
  { id: "page_down", label: t("A page down"), keys: ["PageDown"], group: "Move" },
  { id: "page_up", label: t("A page up"), keys: ["PageUp"], group: "Move" },
  { id: "open", label: t("Open"), keys: ["Enter"], group: "Inspect" },
  { id: "whole", label: t("Show everything in full: earlier messages, whole payloads"), keys: ["o"], group: "Inspect" },
  { id: "next_tab", label: t("Next tab of the inspector"), keys: ["t"], group: "Inspect" },
  { id: "fit", label: t("Fit the whole run"), keys: ["f"], group: "View" },
  { id: "zoom_in", label: t("Zoom in"), keys: ["z"], group: "View" },
  { id: "zoom_out", label: t("Zoom out"), keys: ["Z"], group: "View" },
  { id: "zoom_row", label: t("Zoom to the selected row"), keys: ["x"], group: "View" },
  { id: "pan_left", label: t("Earlier"), keys: ["Shift+ArrowLeft"], group: "View" },
  { id: "pan_right", label: t("Later"), keys: ["Shift+ArrowRight"], group: "View" },
  { id: "audit", label: t("Dev or Audit: fold or show plumbing and duplicates"), keys: ["d"], group: "View" },
  { id: "fold", label: t("Fold or unfold similar neighbours"), keys: ["s"], group: "View" },
  { id: "idle", label: t("Draw idle time short or as it was"), keys: ["i"], group: "View" },
  { id: "critical", label: t("Critical path: what everything waited for"), keys: ["p"], group: "View" },
  { id: "collapse_all", label: t("Collapse everything"), keys: ["H"], group: "View" },
  { id: "expand_all", label: t("Expand everything"), keys: ["L"], group: "View" },
  { id: "view_waterfall", label: t("Waterfall"), keys: ["1"], group: "View" },
  { id: "view_transcript", label: t("Transcript"), keys: ["2"], group: "View" },
  { id: "view_both", label: t("Waterfall and transcript"), keys: ["3"], group: "View" },
  { id: "view_findings", label: t("Findings of this session"), keys: ["4"], group: "View" },
  { id: "play", label: t("Play or pause"), keys: ["Space"], group: "Replay" },
  { id: "step_forward", label: t("Step to the next act"), keys: ["."], group: "Replay" },
  { id: "step_back", label: t("Step to the act before"), keys: [","], group: "Replay" },
  { id: "faster", label: t("Faster"), keys: [">"], group: "Replay" },
  { id: "slower", label: t("Slower"), keys: ["<"], group: "Replay" },
  { id: "rail", label: t("Show or hide the session list"), keys: ["["], group: "View" },
  { id: "inspector", label: t("Show or hide the inspector"), keys: ["]"], group: "View" },
  { id: "next_finding", label: t("Next finding"), keys: ["n"], group: "Find" },
  { id: "previous_finding", label: t("Previous finding"), keys: ["N"], group: "Find" },
  { id: "next_error", label: t("Next error"), keys: ["e"], group: "Find" },
  { id: "previous_error", label: t("Previous error"), keys: ["E"], group: "Find" },
  { id: "search", label: t("Search"), keys: ["/"], group: "Find" },
  { id: "annotate", label: t("Annotate the selected act"), keys: ["a"], group: "Inspect" },
  { id: "mark_good", label: t("Mark the selected act as good"), keys: ["+"], group: "Inspect" },
  { id: "mark_wrong", label: t("Mark the selected act as wrong"), keys: ["-"], group: "Inspect" },
  { id: "checkpoint", label: t("Checkpoint: name the selected act or the instant"), keys: ["m"], group: "Inspect" },
  { id: "next_checkpoint", label: t("Next checkpoint"), keys: ["b"], group: "Find" },
  { id: "previous_checkpoint", label: t("Previous checkpoint"), keys: ["B"], group: "Find" },
  { id: "compare", label: t("Compare with another session: here, then there"), keys: ["c"], group: "Inspect" },
  { id: "copy_link", label: t("Copy a link to this view"), keys: ["y"], group: "Inspect" },
  { id: "run", label: t("Run the query"), keys: ["Mod+Enter"], group: "SQL" },
  { id: "save_query", label: t("Save the query"), keys: ["Mod+s"], group: "SQL" },
  { id: "chart", label: t("Result as table or as chart"), keys: ["v"], group: "SQL" },
  { id: "mark", label: t("Mark the selected session, or take the mark away"), keys: ["x"], group: "Inspect" },
  { id: "tag", label: t("Tag the session, or the marked ones"), keys: ["#"], group: "Inspect" },
  { id: "export", label: t("Export the session, or the marked ones"), keys: ["X"], group: "Inspect" },
  { id: "delete", label: t("Delete the session, or the marked ones"), keys: ["Delete"], group: "Inspect" },
  { id: "pause", label: t("Pause or go on"), keys: ["Space"], group: "View" },
  { id: "go_live", label: t("Live"), keys: ["g l"], group: "Go to" },
  { id: "go_sessions", label: t("Sessions"), keys: ["g s"], group: "Go to" },
  { id: "go_findings", label: t("Findings"), keys: ["g f"], group: "Go to" },
  { id: "go_dashboard", label: t("Dashboard"), keys: ["g d"], group: "Go to" },
  { id: "go_catalog", label: t("Catalog"), keys: ["g c"], group: "Go to" },
  { id: "go_sql", label: "SQL", keys: ["g q"], group: "Go to" },
  { id: "go_status", label: t("Status"), keys: ["g t"], group: "Go to" },
  { id: "go_setup", label: t("Setup"), keys: ["g u"], group: "Go to" },
  { id: "go_settings", label: t("Settings"), keys: ["g ,"], group: "Go to" },
  { id: "theme", label: t("Light or dark"), keys: ["D"], group: "Page" },
  { id: "contrast", label: t("High contrast on or off"), keys: ["C"], group: "Page" },
  { id: "time_zone", label: t("Times in UTC or local time"), keys: ["T"], group: "Page" },
  { id: "time_style", label: t("Times as clock time or as time ago"), keys: ["R"], group: "Page" },
  { id: "sign_out", label: t("Sign out"), keys: [], group: "Page" },
  { id: "palette", label: t("Commands and sessions"), keys: ["Mod+k"], group: "Page" },
  { id: "help", label: t("All keys"), keys: ["?"], group: "Page" },
  { id: "back", label: t("Back: close, clear, leave"), keys: ["Escape"], group: "Page" },
];

type Run = () => void;
/** Later providers win: a view on top of the page takes a key over from it. */
const providers = signal<readonly Record<string, Run>[]>([]);

export function provide(commands: Record<string, Run>): () => void {
  providers.value = [...providers.peek(), commands];
  return () => (providers.value = providers.peek().filter((other) => other !== commands));
}

function runnerOf(id: string): Run | null {
  for (let i = providers.value.length - 1; i >= 0; i--) {
    const run = providers.value[i]![id];
    if (run !== undefined) return run;
  }
  return null;
}

export function available(): Command[] {
  return COMMANDS.filter((command) => runnerOf(command.id) !== null);
}

export function runCommand(id: string): void {
  runnerOf(id)?.();
}

function chord(event: KeyboardEvent): string {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey) return "";
  const key = event.key === " " ? "Space" : event.key.length === 1 && mod ? event.key.toLowerCase() : event.key;
  // Shift is part of a letter (J) but has to be named for a key without one.
  return (mod ? "Mod+" : "") + (event.shiftKey && key.length > 1 && key !== "Enter" ? "Shift+" : "") + key;
}

const OWN_ENTER = "a, button, summary, input, select, [role=tab], [role=option]";
const ARROWS = /^(Shift\+)?(Arrow|Page|Home|End)/;

/** Whether a key pressed on `target` belongs to the target rather than to the page. */
function belongsToTarget(event: KeyboardEvent, key: string): boolean {
  // Inside a shadow root the event names only the host; its path names the field typed in.
  const target = (event.composedPath()[0] ?? event.target) as HTMLElement;
  const ticked = target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type);
  const typing = target.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !ticked);
  // A dialog is before the page: what is behind it hears nothing but what closes or opens one.
  if (target.closest?.("dialog") != null && !typing) return key !== "Escape" && key !== "?" && !key.startsWith("Mod+");
  if (typing) return key !== "Escape" && !key.startsWith("Mod+");
  if (key === "Enter" || key === "Space") return target.closest(OWN_ENTER) !== null;
  return ARROWS.test(key) && target.closest("[data-own-arrows]") !== null;
}

export function startHotkeys(): void {
  let prefix = "";
  let prefixAt = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = chord(event);
    if (key === "" || belongsToTarget(event, key)) return;
    const sequence = prefix !== "" && event.timeStamp - prefixAt < 1200 ? `${prefix} ${key}` : key;
    prefix = "";
    const commands = available();
    const command = commands.find(({ keys }) => keys.includes(sequence)) ?? commands.find(({ keys }) => keys.includes(key));
    if (command !== undefined) {
      event.preventDefault();
      runCommand(command.id);
    } else if (commands.some(({ keys }) => keys.some((other) => other.startsWith(`${key} `)))) {
      prefix = key;
      prefixAt = event.timeStamp;
    }
  });
}

const MAC = typeof navigator !== "undefined" && /Mac|iP(hone|ad)/.test(navigator.platform);
const GLYPHS: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", PageDown: "PgDn", PageUp: "PgUp" };

export function keyLabel(keys: string): string {
  return keys.split(" ").map((key) => {
    if (key.startsWith("Shift+")) return `⇧${keyLabel(key.slice(6))}`;
    const plain = key.replace("Mod+", "");
    const name = GLYPHS[plain] ?? (key.startsWith("Mod+") && plain.length === 1 ? plain.toUpperCase() : plain);
    return key.startsWith("Mod+") ? (MAC ? `⌘${name}` : `Ctrl ${name}`) : name;
  }).join(" ");
}
