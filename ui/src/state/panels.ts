// Widths and open or closed state of the panels.

import { computed, signal, untracked } from "@preact/signals";
import { t } from "../strings.ts";
import { borrow, stored } from "./stored.ts";

/** Least and most of each panel, in pixels; of the split in percent. */
export const LIMITS = { rail: [160, 420], inspector: [300, 1000], names: [180, 900], split: [15, 85] } as const;
const wide = innerWidth >= 1500;
export const railOpen = stored<boolean>("rail.open", wide);
export const railWidth = stored("rail.width", 232);
export const inspectorOpen = stored<boolean>("inspector.open", true);
/** On a narrow screen, what the inspector tells while no act is chosen covers the run: only when asked for. */
export const overviewAsked = signal(false);
const narrowScreen = matchMedia("(max-width: 720px)");
export const narrow = signal(narrowScreen.matches);
narrowScreen.addEventListener("change", () => (narrow.value = narrowScreen.matches));
export const inspectorWidth = stored("inspector.width", wide ? 560 : 440);
export const namesWidth = stored("names.width", wide ? 440 : 340);
export const waterfallWidth = signal(4000);
/** The names as wide as they are drawn: on a narrow screen the bars keep their share. */
export const namesShown = computed(() => Math.min(namesWidth.value, Math.round(waterfallWidth.value * 0.55)));
/** Share of the waterfall's height beside the transcript, in percent. */
export const splitShare = stored("split.share", 45);
export const schemaWidth = stored("schema.width", 260);

const arranged = () => `r${railOpen.value ? railWidth.value : 0}.i${inspectorOpen.value ? inspectorWidth.value : 0}.n${namesWidth.value}.s${splitShare.value}`;
const usual = untracked(arranged);
/** How the panels of a session stand, for its address; null while they are as this browser keeps them. */
export const arrangement = computed(() => (arranged() === usual ? null : arranged()));

/** Puts the panels as an address says, without keeping that in this browser. */
export function arrange(text: string | null): void {
  const [, rail, inspector, names, split] = (/^r(\d{1,4})\.i(\d{1,4})\.n(\d{1,4})\.s(\d{1,2})$/.exec(text ?? "") ?? []).map(Number);
  if (rail === undefined || inspector === undefined || names === undefined || split === undefined) return;
  borrow(railOpen, rail > 0);
  borrow(inspectorOpen, inspector > 0);
  const within = (value: number, [least, most]: readonly [number, number]) => Math.min(most, Math.max(least, value));
  if (rail > 0) borrow(railWidth, within(rail, LIMITS.rail));
  if (inspector > 0) borrow(inspectorWidth, within(inspector, LIMITS.inspector));
  borrow(namesWidth, within(names, LIMITS.names));
  borrow(splitShare, within(split, LIMITS.split));
}

/** Whether the inspector is on screen, with an act chosen or without. */
export function inspectorShown(hasAct: boolean): boolean {
  return inspectorOpen.value && (hasAct || !narrow.value || overviewAsked.value);
}

export function toggleInspector(hasAct: boolean): void {
  const show = !inspectorShown(hasAct);
  if (narrow.value && !hasAct) overviewAsked.value = show;
  if (show || !narrow.value || hasAct) inspectorOpen.value = show;
}

/** Id of the session that waits for another to be compared with. */
export const toCompare = stored<string>("compare.first", "");

export type Overlay = "none" | "help" | "palette";
export const overlay = signal<Overlay>("none");
/** A short notice for the screen and the screen reader: "link copied". */
export const notice = signal("");

let timer = 0;
export function tell(text: string): void {
  notice.value = text;
  clearTimeout(timer);
  timer = window.setTimeout(() => (notice.value = ""), 2500);
}

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(t("{0} copied", what));
  } catch {
    tell(t("The browser did not allow copying"));
  }
}
