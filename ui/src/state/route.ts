// Where the page is. `path` and `query` change when somebody goes somewhere; a view that only
// records its own state in the address uses `recordQuery`, which tells nobody.

import { batch, signal } from "@preact/signals";

export const path = signal(location.pathname);
export const query = signal(new URLSearchParams(location.search));

function read(): void {
  batch(() => {
    path.value = location.pathname;
    query.value = new URLSearchParams(location.search);
  });
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  history[options.replace === true ? "replaceState" : "pushState"](null, "", to);
  read();
}

/** Writes the state of a view into the address; `push` makes it a place that "back" returns to. */
export function recordQuery(changes: Record<string, string | null>, push = false): void {
  const next = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  // Ids and windows stay readable in the address bar.
  const text = next.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  const to = location.pathname + (text === "" ? "" : `?${text}`);
  if (to !== location.pathname + location.search) history[push ? "pushState" : "replaceState"](null, "", to);
}

export function startRouter(): void {
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest("a");
    if (link === null || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
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
