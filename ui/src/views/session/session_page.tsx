// One session, or one trace: list of sessions | header, minimap, waterfall | inspector.

import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import type { ApiError } from "../../api/client.ts";
import { recording } from "../../api/recording.ts";
import { provide } from "../../commands.ts";
import { copy, inspectorOpen, inspectorShown, inspectorWidth, LIMITS, railOpen, railWidth, splitShare, tell, toCompare, toggleInspector } from "../../state/panels.ts";
import { navigate } from "../../state/route.ts";
import { seen } from "../../state/sessions.ts";
import type { MainTab } from "../../state/session_address.ts";
import { createSessionView, type SessionView, type Source } from "../../state/session_view.ts";
import { ask } from "../../state/subjects.ts";
import { t } from "../../strings.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Divider } from "../../widgets/split.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { FindingCard } from "../findings/finding_card.tsx";
import { CheckpointForm } from "./checkpoints.tsx";
import { focusFind, Inspector, shownTabs } from "./inspector.tsx";
import { Minimap } from "./minimap.tsx";
import { Rail } from "./rail.tsx";
import { MomentBar } from "./scrubber.tsx";
import { SessionHeader } from "./session_header.tsx";
import { Toolbar } from "./toolbar.tsx";
import { Transcript } from "./transcript.tsx";
import { Waterfall } from "./waterfall.tsx";
import "../sessions/sessions.css";
import "../findings/findings.css";
import "./session.css";

const inInspector = () => document.activeElement?.closest(".inspector") != null;
const focusRows = () => document.querySelector<HTMLElement>(".wf-scroll")?.focus({ preventScroll: true });

function back(view: SessionView): void {
  if (document.activeElement instanceof HTMLInputElement) {
    if (document.activeElement.id === "row-search") view.search.value = "";
    document.activeElement.blur();
    focusRows();
  } else if (inInspector()) focusRows();
  else if (view.search.value !== "") view.search.value = "";
  else if (view.playback.time.value !== null) view.playback.seek(null);
  else if (view.zoom.value !== null) view.setWindow(null);
  else if (view.selected.value !== null) view.deselect();
  else navigate("/");
}

/** The first session is remembered, the second is compared with it. */
function compareWith(id: string): void {
  const first = toCompare.value;
  toCompare.value = "";
  if (first !== "" && first !== id) return navigate(`/compare?${new URLSearchParams({ a: first, b: id })}`);
  toCompare.value = id;
  tell(t("Marked to compare; press {0} in the other session", "c"));
}

function pageRows(): number {
  return Math.max(1, Math.floor((document.querySelector(".wf-scroll")?.clientHeight ?? 480) / 24) - 2);
}

function commandsOf(view: SessionView): Record<string, () => void> {
  const show = (tab: MainTab) => () => {
    view.jump();
    view.mainTab.value = tab;
  };
  const session = () => (view.detail.peek() === null ? [] : [view.detail.peek()!.session]);
  return {
    next: () => view.move(1),
    previous: () => view.move(-1),
    next_turn: () => view.turnRow(1),
    previous_turn: () => view.turnRow(-1),
    collapse: view.collapseOrUp,
    expand: view.expandOrDown,
    first: () => view.move(-Infinity),
    last: () => view.move(Infinity),
    page_down: () => view.move(pageRows()),
    page_up: () => view.move(-pageRows()),
    open: () => {
      inspectorOpen.value = true;
      setTimeout(() => document.querySelector<HTMLElement>(".inspector-body")?.focus(), 0);
    },
    next_tab: () => (view.tab.value = shownTabs[(shownTabs.indexOf(view.tab.value) + 1) % shownTabs.length]!),
    view_waterfall: show("waterfall"),
    view_transcript: show("transcript"),
    view_both: show("both"),
    view_findings: show("findings"),
    play: view.playback.toggle,
    step_forward: () => view.playback.stepBy(1, view.selectedRow.value),
    step_back: () => view.playback.stepBy(-1, view.selectedRow.value),
    faster: () => view.playback.faster(1),
    slower: () => view.playback.faster(-1),
    annotate: () => {
      inspectorOpen.value = true;
      view.tab.value = "notes";
      setTimeout(() => document.querySelector<HTMLElement>("#note")?.focus(), 60);
    },
    mark_good: () => void view.annotations.add("good", ""),
    mark_wrong: () => void view.annotations.add("wrong", ""),
    critical: () => (view.critical.value = !view.critical.value),
    collapse_all: () => view.collapseAll(true),
    expand_all: () => view.collapseAll(false),
    fit: () => view.setWindow(null),
    zoom_in: () => view.zoomBy(0.5),
    zoom_out: () => view.zoomBy(2),
    zoom_row: () => view.zoomToRow(view.selectedRow.value),
    pan_left: () => view.pan(-0.25),
    pan_right: () => view.pan(0.25),
    audit: () => (view.audit.value = !view.audit.value),
    fold: () => (view.folding.value = !view.folding.value),
    ...(view.idle.value.length > 0 ? { idle: () => (view.compress.value = !view.compress.value) } : {}),
    rail: () => (railOpen.value = !railOpen.value),
    inspector: () => toggleInspector(view.selectedRow.peek() >= 0),
    next_finding: () => void view.nextFinding(1),
    previous_finding: () => void view.nextFinding(-1),
    next_error: () => void view.nextError(1),
    previous_error: () => void view.nextError(-1),
    checkpoint: view.checkpoints.ask,
    next_checkpoint: () => view.nextCheckpoint(1),
    previous_checkpoint: () => view.nextCheckpoint(-1),
    ...(view.source.kind === "session" && recording() === null ? { compare: () => compareWith(view.source.id) } : {}),
    search: () => {
      if (inInspector() && focusFind()) return;
      document.querySelector<HTMLInputElement>("#row-search")?.select();
    },
    tag: () => ask("tag", session(), () => void view.load()),
    export: () => ask("export", session(), () => undefined),
    delete: () => ask("delete", session(), () => navigate("/")),
    copy_link: () => setTimeout(() => void copy(location.href, t("Link")), 150),
    back: () => back(view),
  };
}

function Findings({ view }: { view: SessionView }) {
  if (view.findings.value.length === 0) return <p class="note pad">{t("Nothing found: no loops, no blocked actions.")}</p>;
  return (
    <div class="finding-list pad">
      {view.findings.value.map((finding) => (
        <FindingCard key={finding.finding_id} finding={finding} onSpan={(i) => {
          const row = finding.rows[i];
          if (row !== undefined) view.select(row, true);
        }} />
      ))}
    </div>
  );
}

function Places({ view }: { view: SessionView }) {
  const tab = view.mainTab.value;
  if (tab === "findings") return <Findings view={view} />;
  if (tab === "transcript") return <Transcript view={view} />;
  if (tab === "waterfall") return <Waterfall view={view} />;
  return (
    <div class="both">
      <div class="both-top" style={{ height: `${splitShare.value}%` }}><Waterfall view={view} /></div>
      <Divider width={splitShare} limits={LIMITS.split} side="left" label={t("Height of the waterfall")} vertical />
      <Transcript view={view} />
    </div>
  );
}

/** Why a link leads nowhere: it never was, it was deleted, or it could not be read. */
function Missing({ view, error }: { view: SessionView; error: ApiError }) {
  const { kind, id } = view.source;
  const known = error.status === 404 || error.status === 410;
  const deleted = error.code === "session_deleted";
  const what = deleted ? t("This session was deleted") : known ? (kind === "session" ? t("There is no session here") : t("There is no trace here")) : kind === "session" ? t("The session could not be read") : t("The trace could not be read");
  return (
    <div class="nowhere">
      <h1 class="sr-only">{kind === "session" ? t("Session") : t("Trace")}</h1>
      <Failure error={error} what={what} {...(known && !deleted ? { told: t("Nothing of that id is recorded: the link may belong to another data folder, or have lost its end. If it is still being sent, it opens here as soon as its first span arrives.") } : {})} {...(known ? {} : { retry: () => void view.load() })}>
        {known ? <p class="mono nowhere-id">{oneLine(id).slice(0, 200)}</p> : null}
        <p><a class="plain-link" href="/">{t("All sessions")}</a></p>
      </Failure>
    </div>
  );
}

function Main({ view }: { view: SessionView }) {
  const error = view.failure.value;
  if (view.table.value === null) {
    if (error === null) return <div class="session-main"><Skeleton rows={24} label={t("Loading the session")} /></div>;
    return <div class="session-main"><Missing view={view} error={error} /></div>;
  }
  return (
    <div class="session-main">
      <SessionHeader view={view} />
      {error === null ? null : <Failure error={error} what={t("The newest data could not be read; what is shown is older")} retry={() => void view.load()} />}
      {view.deadLink.value === null ? null : (
        <div class="dead-link" role="alert">
          <span>{t("No span {0} is recorded here. It may not have arrived yet, or the link belongs to another data folder.", <code>{oneLine(view.deadLink.value).slice(0, 80)}</code>)}</span>
          <button type="button" onClick={() => (view.deadLink.value = null)}>{t("Dismiss")}</button>
        </div>
      )}
      <Minimap view={view} />
      <CheckpointForm view={view} />
      <Toolbar view={view} />
      <MomentBar view={view} />
      <Places view={view} />
    </div>
  );
}

export function SessionPage({ source }: { source: Source }) {
  const view = useMemo(() => createSessionView(source), []);
  const hasIdle = view.idle.value.length > 0;
  useEffect(() => {
    void view.load();
    seen(source.id);
    return view.dispose;
  }, [view]);
  useLayoutEffect(() => provide(commandsOf(view)), [view, hasIdle]);
  const title = view.detail.value?.session.title;
  useEffect(() => {
    document.title = title ? `${oneLine(title).slice(0, 80)} · Spanreel` : "Spanreel";
    return () => void (document.title = "Spanreel");
  }, [title]);
  return (
    <main class="session-page">
      {railOpen.value && recording() === null ? <><Rail current={source.id} /><Divider width={railWidth} limits={LIMITS.rail} side="left" label={t("Width of the session list")} /></> : null}
      <Main view={view} />
      {inspectorShown(view.selectedRow.value >= 0) && view.table.value !== null ? (
        <>
          <Divider width={inspectorWidth} limits={LIMITS.inspector} side="right" label={t("Width of the inspector")} />
          <Inspector view={view} />
        </>
      ) : null}
    </main>
  );
}
