// Widths and open or closed state of the panels.

import { computed, signal } from "@preact/signals";
import { t } from "../strings.ts";
import { stored } from "./stored.ts";

const wide = innerWidth >= 1500;
export const railOpen = stored<boolean>("rail.open", wide);
export const railWidth = stored("rail.width", 232);
export const inspectorOpen = stored<boolean>("inspector.open", true);
export const inspectorWidth = stored("inspector.width", wide ? 560 : 440);
export const namesWidth = stored("names.width", wide ? 440 : 340);
export const waterfallWidth = signal(4000);
/** The names as wide as they are drawn: on a narrow screen the bars keep their share. */
export const namesShown = computed(() => Math.min(namesWidth.value, Math.round(waterfallWidth.value * 0.55)));
/** Share of the waterfall's height beside the transcript, in percent. */
export const splitShare = stored("split.share", 45);
export const schemaWidth = stored("schema.width", 260);

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
