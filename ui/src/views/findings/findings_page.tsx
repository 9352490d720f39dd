// Everything that detectors found, newest first, growing as it is found.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { ApiError, isAbort, listFindings, toApiError } from "../../api/client.ts";
import { onLive } from "../../api/live.ts";
import type { Finding } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { navigate, sessionLink } from "../../state/route.ts";
import { rows } from "../../state/sessions.ts";
import { plural } from "../../trace/format.ts";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { FindingCard } from "./finding_card.tsx";
import "./findings.css";

export function FindingsPage() {
  const [findings, setFindings] = useState<Finding[] | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [kind, setKind] = useState("");
  const [at, setAt] = useState(-1);
  const load = async (signal?: AbortSignal) => {
    try {
      setFindings((await listFindings({ limit: 500 }, signal)).findings);
      setFailure(null);
    } catch (cause) {
      if (!isAbort(cause)) setFailure(toApiError(cause));
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    void load(abort.signal);
    const stops = [
      onLive("finding", (finding) => setFindings((old) => {
        if (old === null) return old;
        const title = finding.session_title ?? old.find((other) => other.session_id === finding.session_id)?.session_title ?? rows.peek().find((row) => row.session_id === finding.session_id)?.title ?? null;
        const grown = { ...finding, session_title: title };
        const index = old.findIndex((other) => other.finding_id === finding.finding_id);
        return index === -1 ? [grown, ...old] : old.map((other, i) => (i === index ? grown : other));
      })),
      onLive("resumed", () => void load()),
    ];
    return () => {
      abort.abort();
      for (const stop of stops) stop();
    };
  }, []);

  const shown = (findings ?? []).filter((finding) => kind === "" || finding.kind === kind);
  const kinds = [...new Set((findings ?? []).map((finding) => finding.kind))].sort();
  const go = (next: number) => {
    const index = Math.min(shown.length - 1, Math.max(0, next));
    setAt(index);
    document.querySelectorAll(".findings-page .finding")[index]?.scrollIntoView({ block: "nearest" });
  };
  useLayoutEffect(() => provide({
    next: () => go(at + 1),
    previous: () => go(at - 1),
    open: () => {
      const finding = shown[at];
      if (finding !== undefined) navigate(sessionLink(finding.session_id, finding.span_ids[0]));
    },
    back: () => navigate("/"),
  }), [at, shown.length, kind]);

  return (
    <main class="findings-page">
      <div class="page-head">
        <h1>Findings</h1>
        <div class="chips" role="group" aria-label="Kind">
          <button type="button" aria-pressed={kind === ""} onClick={() => setKind("")}>all<span class="count">{findings?.length ?? ""}</span></button>
          {kinds.map((name) => <button key={name} type="button" aria-pressed={kind === name} onClick={() => setKind(name)}>{name.replaceAll("_", " ")}<span class="count">{findings!.filter((finding) => finding.kind === name).length}</span></button>)}
        </div>
      </div>
      {failure !== null ? <Failure error={failure} what="The findings could not be read" retry={() => void load()} /> : null}
      {findings === null ? (failure === null ? <Skeleton rows={8} height={88} label="Loading findings" /> : null)
        : shown.length === 0 ? (
          <div class="page-empty">
            <h2>Nothing found</h2>
            <p class="muted">Loops and blocked actions appear here within a second of the act that completes them.</p>
          </div>
        ) : (
          <div class="finding-list" aria-label={plural(shown.length, "finding")}>
            {shown.map((finding, i) => <div key={finding.finding_id} class={i === at ? "is-selected" : ""}><FindingCard finding={finding} /></div>)}
          </div>
        )}
    </main>
  );
}
