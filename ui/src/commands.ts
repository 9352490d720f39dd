// One table of commands: hotkeys, the help and the palette come from it. A view provides what it
// can do while it is on screen; what nobody provides is neither listed nor bound.

import { signal } from "@preact/signals";

export interface Command {
  id: string;
  label: string;
  keys: string[];
  group: "Move" | "View" | "Replay" | "Inspect" | "Find" | "SQL" | "Go to" | "Page";
}

export const COMMANDS: readonly Command[] = [
  { id: "next", label: "Next row", keys: ["j", "ArrowDown"], group: "Move" },
  { id: "previous", label: "Previous row", keys: ["k", "ArrowUp"], group: "Move" },
  { id: "next_turn", label: "Next turn", keys: ["J"], group: "Move" },
  { id: "previous_turn", label: "Previous turn", keys: ["K"], group: "Move" },
  { id: "collapse", label: "Collapse, or go to the parent", keys: ["h", "ArrowLeft"], group: "Move" },
  { id: "expand", label: "Expand, or go to the first child", keys: ["l", "ArrowRight"], group: "Move" },
  { id: "first", label: "First row", keys: ["Home"], group: "Move" },
  { id: "last", label: "Last row", keys: ["End"], group: "Move" },
  { id: "page_down", label: "A page down", keys: ["PageDown"], group: "Move" },
  { id: "page_up", label: "A page up", keys: ["PageUp"], group: "Move" },
  { id: "open", label: "Open", keys: ["Enter"], group: "Inspect" },
  { id: "whole", label: "Show everything in full: earlier messages, whole payloads", keys: ["o"], group: "Inspect" },
  { id: "next_tab", label: "Next tab of the inspector", keys: ["t"], group: "Inspect" },
  { id: "fit", label: "Fit the whole run", keys: ["f"], group: "View" },
  { id: "zoom_in", label: "Zoom in", keys: ["z"], group: "View" },
  { id: "zoom_out", label: "Zoom out", keys: ["Z"], group: "View" },
  { id: "zoom_row", label: "Zoom to the selected row", keys: ["x"], group: "View" },
  { id: "pan_left", label: "Earlier", keys: ["Shift+ArrowLeft"], group: "View" },
  { id: "pan_right", label: "Later", keys: ["Shift+ArrowRight"], group: "View" },
  { id: "audit", label: "Dev or Audit: fold or show plumbing and duplicates", keys: ["d"], group: "View" },
  { id: "fold", label: "Fold or unfold similar neighbours", keys: ["s"], group: "View" },
  { id: "idle", label: "Draw idle time short or as it was", keys: ["i"], group: "View" },
  { id: "critical", label: "Critical path: what everything waited for", keys: ["p"], group: "View" },
  { id: "collapse_all", label: "Collapse everything", keys: ["H"], group: "View" },
  { id: "expand_all", label: "Expand everything", keys: ["L"], group: "View" },
  { id: "view_waterfall", label: "Waterfall", keys: ["1"], group: "View" },
  { id: "view_transcript", label: "Transcript", keys: ["2"], group: "View" },
  { id: "view_both", label: "Waterfall and transcript", keys: ["3"], group: "View" },
  { id: "view_findings", label: "Findings of this session", keys: ["4"], group: "View" },
  { id: "play", label: "Play or pause", keys: ["Space"], group: "Replay" },
  { id: "step_forward", label: "Step to the next act", keys: ["."], group: "Replay" },
  { id: "step_back", label: "Step to the act before", keys: [","], group: "Replay" },
  { id: "faster", label: "Faster", keys: [">"], group: "Replay" },
  { id: "slower", label: "Slower", keys: ["<"], group: "Replay" },
  { id: "rail", label: "Show or hide the session list", keys: ["["], group: "View" },
  { id: "inspector", label: "Show or hide the inspector", keys: ["]"], group: "View" },
  { id: "next_finding", label: "Next finding", keys: ["n"], group: "Find" },
  { id: "previous_finding", label: "Previous finding", keys: ["N"], group: "Find" },
  { id: "next_error", label: "Next error", keys: ["e"], group: "Find" },
  { id: "previous_error", label: "Previous error", keys: ["E"], group: "Find" },
  { id: "search", label: "Search", keys: ["/"], group: "Find" },
  { id: "annotate", label: "Annotate the selected act", keys: ["a"], group: "Inspect" },
  { id: "mark_good", label: "Mark the selected act as good", keys: ["+"], group: "Inspect" },
  { id: "mark_wrong", label: "Mark the selected act as wrong", keys: ["-"], group: "Inspect" },
  { id: "copy_link", label: "Copy a link to this view", keys: ["y"], group: "Inspect" },
  { id: "run", label: "Run the query", keys: ["Mod+Enter"], group: "SQL" },
  { id: "save_query", label: "Save the query", keys: ["Mod+s"], group: "SQL" },
  { id: "chart", label: "Result as table or as chart", keys: ["v"], group: "SQL" },
  { id: "mark", label: "Mark the selected session, or take the mark away", keys: ["x"], group: "Inspect" },
  { id: "pause", label: "Pause or go on", keys: ["Space"], group: "View" },
  { id: "go_live", label: "Live", keys: ["g l"], group: "Go to" },
  { id: "go_sessions", label: "Sessions", keys: ["g s"], group: "Go to" },
  { id: "go_findings", label: "Findings", keys: ["g f"], group: "Go to" },
  { id: "go_dashboard", label: "Dashboard", keys: ["g d"], group: "Go to" },
  { id: "go_catalog", label: "Catalog", keys: ["g c"], group: "Go to" },
  { id: "go_sql", label: "SQL", keys: ["g q"], group: "Go to" },
  { id: "go_setup", label: "Setup", keys: ["g u"], group: "Go to" },
  { id: "go_settings", label: "Settings", keys: ["g ,"], group: "Go to" },
  { id: "theme", label: "Light or dark", keys: ["D"], group: "Page" },
  { id: "contrast", label: "High contrast on or off", keys: ["C"], group: "Page" },
  { id: "time_zone", label: "Times in UTC or local time", keys: ["T"], group: "Page" },
  { id: "time_style", label: "Times as clock time or as time ago", keys: ["R"], group: "Page" },
  { id: "palette", label: "Commands and sessions", keys: ["Mod+k"], group: "Page" },
  { id: "help", label: "All keys", keys: ["?"], group: "Page" },
  { id: "back", label: "Back: close, clear, leave", keys: ["Escape"], group: "Page" },
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
