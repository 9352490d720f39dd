// Where the page is. `path` and `query` change when somebody goes somewhere; a view that only
// records its own state in the address uses `recordQuery`, which tells nobody.

import { batch, signal } from "@preact/signals";

/** A page from a file keeps its place behind `#`: browsers let it change nothing else of its address. */
const inFile = location.protocol === "file:";

/** Path and query of the place. */
function place(): URL {
  return new URL(inFile ? location.hash.slice(1) || "/" : location.href, "http://page");
}

function write(to: string, push: boolean): void {
  history[push ? "pushState" : "replaceState"](null, "", inFile ? `#${to}` : to);
}

export const path = signal(place().pathname);
export const query = signal(place().searchParams);

function read(): void {
  const { pathname, searchParams } = place();
  batch(() => {
    path.value = pathname;
    query.value = searchParams;
  });
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  write(to, options.replace !== true);
  read();
}

/** Writes the state of a view into the address; `push` makes it a place that "back" returns to. */
export function recordQuery(changes: Record<string, string | null>, push = false): void {
  const { pathname, search, searchParams: next } = place();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  // Ids and windows stay readable in the address bar.
  const text = next.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  const to = pathname + (text === "" ? "" : `?${text}`);
  if (to !== pathname + search) write(to, push);
}

export function startRouter(): void {
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest("a");
    if (link === null || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    navigate(inFile ? new URL(link.getAttribute("href") ?? "/", place()).href.slice("http://page".length) : link.pathname + link.search);
  });
}

/** "/replay/:id" against a path; the parameters, or null. */
export function match(pattern: string, actual: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = actual.replace(/\/+$/, "").split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i]!.startsWith(":")) {
      try {
        params[wanted[i]!.slice(1)] = decodeURIComponent(given[i]!);
      } catch {
        return null;
      }
    } else if (wanted[i] !== given[i]) return null;
  }
  return params;
}

export function sessionLink(id: string, span?: { trace_id: string; span_id: string }): string {
  return `/replay/${encodeURIComponent(id)}${span === undefined ? "" : `?span=${span.trace_id}:${span.span_id}`}`;
}

export function spanLink(span: { trace_id: string; span_id: string }): string {
  return `/trace/${span.trace_id}?span=${span.trace_id}:${span.span_id}`;
}
