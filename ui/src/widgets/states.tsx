// What a place shows while there is nothing to show.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client.ts";
import { t } from "../strings.ts";

/** Rows of the right height, shown only when the wait is long enough to be noticed. */
export function Skeleton({ rows, height = 24, label }: { rows: number; height?: number; label: string }) {
  const [shown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 80);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {shown ? Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton-row" style={{ height: `${height}px` }}>
          <i style={{ width: `${18 + ((i * 37) % 34)}%`, marginLeft: `${(i % 4) * 14}px` }} />
        </div>
      )) : null}
    </div>
  );
}

/** `told` stands in for the words of the server where the page can say it better. */
export function Failure({ error, what, told, retry, children }: { error: ApiError; what: string; told?: string; retry?: () => void; children?: ComponentChildren }) {
  return (
    <div class="failure" role="alert">
      <h2>{what}</h2>
      <p>{told ?? error.message}</p>
      {children}
      <div class="failure-foot">
        {retry === undefined ? null : <button type="button" onClick={retry}>{t("Try again")}</button>}
        <span class="mono">{error.code}{error.requestId === null ? "" : t(" · request {0}", error.requestId)}</span>
      </div>
    </div>
  );
}

export function Note({ children }: { children: ComponentChildren }) {
  return <p class="note">{children}</p>;
}
