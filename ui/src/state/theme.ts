// Light, dark, or as the system says.

import { computed, effect, signal } from "@preact/signals";
import { stored } from "./stored.ts";

export type Theme = "auto" | "light" | "dark";
export const theme = stored<string>("theme", "auto");

const media = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(media.matches);
media.addEventListener("change", () => (systemDark.value = media.matches));

/** `auto` follows the system. */
export const contrast = stored<string>("contrast", "auto");
const moreMedia = matchMedia("(prefers-contrast: more)");
const systemMore = signal(moreMedia.matches);
moreMedia.addEventListener("change", () => (systemMore.value = moreMedia.matches));
export const highContrast = computed(() => (contrast.value === "auto" ? systemMore.value : contrast.value === "more"));

export const dark = computed(() => (theme.value === "auto" ? systemDark.value : theme.value === "dark"));

export function startTheme(): void {
  effect(() => {
    if (theme.value === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
    document.documentElement.dataset["contrast"] = highContrast.value ? "more" : "normal";
    // `dark` says which of two tones a token is, `contrast` may give it others.
    void dark.value;
    colours.clear();
  });
}

export function toggleTheme(): void {
  theme.value = dark.value ? "light" : "dark";
}

export function toggleContrast(): void {
  contrast.value = highContrast.value ? "normal" : "more";
}

/** Colours by token as they are now: reading a style while drawing makes the browser work it out anew. */
const colours = new Map<string, string>();

/** A colour token for a canvas, which cannot resolve light-dark() itself. */
export function tokenColour(name: string): string {
  let colour = colours.get(name);
  if (colour === undefined) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const pair = /light-dark\(\s*([^,]+),\s*([^)]+)\)/.exec(text);
    colour = pair === null ? text : (dark.value ? pair[2]! : pair[1]!).trim();
    colours.set(name, colour);
  }
  return colour;
}
