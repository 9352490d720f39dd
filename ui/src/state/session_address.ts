// The whole view in the address: what is selected, where it is zoomed to, what is left out, which
// panel is open, which instant is replayed. A link or a reload shows the same again.

import { batch, effect, type Signal } from "@preact/signals";
import type { Window } from "../trace/viewport.ts";
import { VOICES, type Voice } from "../trace/speech.ts";
import { arrange, arrangement } from "./panels.ts";
import { query, recordQuery } from "./route.ts";

export type InspectorTab = "content" | "diff" | "meta" | "related" | "notes" | "raw";
export const INSPECTOR_TABS: readonly InspectorTab[] = ["content", "diff", "meta", "related", "notes", "raw"];
export type MainTab = "waterfall" | "transcript" | "both" | "findings";
const MAIN_TABS: readonly MainTab[] = ["waterfall", "transcript", "both", "findings"];

export interface Addressed {
  selected: Signal<string | null>;
  zoom: Signal<Window | null>;
  tab: Signal<InspectorTab>;
  mainTab: Signal<MainTab>;
  collapsed: Signal<ReadonlySet<string>>;
  unfolded: Signal<ReadonlySet<string>>;
  search: Signal<string>;
  left: Signal<ReadonlySet<string>>;
  muted: Signal<ReadonlySet<Voice>>;
  time: Signal<number | null>;
  audit: Signal<boolean>;
  folding: Signal<boolean>;
  compress: Signal<boolean>;
  critical: Signal<boolean>;
}

/** An address has limits; a list that does not fit is not kept. */
const MOST_KEYS = 30;
const list = (text: string | null) => new Set((text ?? "").split(",").filter((key) => key !== ""));
const joined = (set: ReadonlySet<string>) => (set.size > 0 && set.size <= MOST_KEYS ? [...set].join(",") : null);
const flag = (value: boolean, usual: boolean) => (value === usual ? null : value ? "1" : "0");

function read(view: Addressed): void {
  const params = query.peek();
  const range = /^([\d.]+)-([\d.]+)$/.exec(params.get("z") ?? "");
  const at = params.get("t");
  const on = (name: string, usual: boolean) => (params.has(name) ? params.get(name) === "1" : usual);
  batch(() => {
    view.selected.value = params.get("span");
    view.zoom.value = range === null ? null : { from: Number(range[1]) * 1e6, to: Number(range[2]) * 1e6 };
    view.tab.value = INSPECTOR_TABS.find((tab) => tab === params.get("tab")) ?? "content";
    view.mainTab.value = MAIN_TABS.find((tab) => tab === params.get("view")) ?? "waterfall";
    view.collapsed.value = list(params.get("c"));
    view.unfolded.value = list(params.get("x"));
    view.search.value = params.get("q") ?? "";
    view.left.value = list(params.get("hide"));
    view.muted.value = new Set(VOICES.filter((voice) => list(params.get("mute")).has(voice)));
    view.time.value = at === null || !/^[\d.]+$/.test(at) ? null : Number(at) * 1e6;
    view.audit.value = on("audit", false);
    view.folding.value = on("fold", true);
    view.compress.value = on("idle", true);
    view.critical.value = on("path", false);
    arrange(params.get("panels"));
  });
}

/**
 * Keeps view and address the same. `moved` is called when somebody went to another place of this page
 * (back, a link). The answer ends it; `jump` makes the next change a place of its own for "back".
 */
export function bindAddress(view: Addressed, moved: () => void): { stop: () => void; jump: () => void } {
  read(view);
  let known = query.peek();
  let jumping = false;
  let writing = 0;
  const stops = [
    effect(() => {
      if (query.value === known) return;
      known = query.value;
      clearTimeout(writing);
      read(view);
      moved();
    }),
    effect(() => {
      const z = view.zoom.value;
      const at = view.time.value;
      const state = {
        span: view.selected.value,
        z: z === null ? null : `${(z.from / 1e6).toFixed(3)}-${(z.to / 1e6).toFixed(3)}`,
        tab: view.tab.value === "content" ? null : view.tab.value,
        view: view.mainTab.value === "waterfall" ? null : view.mainTab.value,
        c: joined(view.collapsed.value),
        x: joined(view.unfolded.value),
        q: view.search.value.trim() === "" ? null : view.search.value,
        hide: joined(view.left.value),
        mute: joined(view.muted.value),
        t: at === null ? null : (at / 1e6).toFixed(3),
        audit: flag(view.audit.value, false),
        fold: flag(view.folding.value, true),
        idle: flag(view.compress.value, true),
        path: flag(view.critical.value, false),
        panels: arrangement.value,
      };
      clearTimeout(writing);
      if (jumping) {
        jumping = false;
        recordQuery(state, true);
      } else {
        // Holding a key must not flood the browser's history.
        writing = window.setTimeout(() => recordQuery(state), 120);
      }
    }),
  ];
  return {
    stop() {
      clearTimeout(writing);
      for (const stop of stops) stop();
    },
    jump: () => void (jumping = true),
  };
}
