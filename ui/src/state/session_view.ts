// Everything the session page knows: the tree and what somebody is looking at in it.

import { batch, computed, signal } from "@preact/signals";
import { ApiError, getSession, getTree, isAbort, toApiError } from "../api/client.ts";
import { onLive } from "../api/live.ts";
import type { SessionDetail, TreeResponse } from "../api/types.ts";
import { compressedAxis, findIdle, linearAxis, toAxis } from "../trace/axis.ts";
import { arrange, flatten, plumbingMask, type Folds } from "../trace/flatten.ts";
import { findFolds } from "../trace/fold.ts";
import { hideKinds, QUIET } from "../trace/kinds.ts";
import { buildTimeline } from "../trace/moment.ts";
import { searchTable, seek, withRows } from "../trace/search.ts";
import { criticalPath } from "../trace/critical_path.ts";
import { buildTable, FLAG, indexKeys, isDenied, isError, rowKey, stringAt, type SpanTable } from "../trace/span_table.ts";
import { contextTrack, inSubagent, spendTrack } from "../trace/tracks.ts";
import { clampWindow, panBy, zoomAround, type Window } from "../trace/viewport.ts";
import { createAnnotations } from "./annotations.ts";
import { createCheckpoints, type PlacedCheckpoint } from "./checkpoints.ts";
import { createContentSearch } from "./content_search.ts";
import { createPlayback } from "./playback.ts";
import { bindAddress, type InspectorTab, type MainTab } from "./session_address.ts";
import { createTranscript } from "./transcript.ts";

export type Source = { kind: "session" | "trace"; id: string };
export type TreeFinding = TreeResponse["findings"][number];

export type SessionView = ReturnType<typeof createSessionView>;

const NO_MARKS: ReadonlyMap<number, TreeFinding> = new Map();
const NOBODY = new Uint8Array(0);
const NO_FOLDS: Folds = { leader: new Int32Array(0), members: new Map() };
const REFRESH_MS = 250;
/** When to look again for a finding that was told. */
const WRITTEN_MS = [1500, 6000];

export function createSessionView(source: Source) {
  const table = signal<SpanTable | null>(null);
  const detail = signal<SessionDetail | null>(null);
  const findings = signal<readonly TreeFinding[]>([]);
  const failure = signal<ApiError | null>(null);
  /** Counts reloads, so that the inspector knows an open span may have grown. */
  const version = signal(0);

  const collapsed = signal<ReadonlySet<string>>(new Set());
  const unfolded = signal<ReadonlySet<string>>(new Set());
  const selected = signal<string | null>(null);
  const zoom = signal<Window | null>(null);
  const tab = signal<InspectorTab>("content");
  const mainTab = signal<MainTab>("waterfall");
  const search = signal("");
  /** Plumbing and duplicates too. */
  const audit = signal(false);
  const folding = signal(true);
  /** Idle time is drawn short. */
  const compress = signal(true);
  const critical = signal(false);
  /** Kinds of acts that are left out. */
  const left = signal<ReadonlySet<string>>(new Set());
  /** Asks the waterfall to bring the selected row into sight. */
  const scrollRequest = signal(0);
  /** A span that the address names and the tree does not hold. */
  const deadLink = signal<string | null>(null);

  /** Whether an open span may still end: not in a session that is over. */
  const alive = computed(() => (detail.value?.session.status ?? "running") === "running");
  const index = computed(() => (table.value === null ? new Map<string, number>() : indexKeys(table.value)));
  const selectedRow = computed(() => (selected.value === null ? -1 : (index.value.get(selected.value) ?? -1)));
  const plumbing = computed(() => (table.value === null ? null : plumbingMask(table.value, audit.value)));
  const hidden = computed(() => (table.value === null || plumbing.value === null ? null : hideKinds(table.value, plumbing.value.mask, left.value, left.value.has(QUIET) ? marks.value : NO_MARKS)));
  const arranged = computed(() => (table.value === null || hidden.value === null ? null : arrange(table.value, hidden.value)));
  const folds = computed(() => (table.value === null || arranged.value === null || !folding.value ? null : findFolds(table.value, arranged.value, alive.value)));
  const unfoldedRows = computed(() => {
    const rows = new Set<number>();
    for (const key of unfolded.value) {
      const row = index.value.get(key);
      const leader = row === undefined ? -1 : (folds.value?.leader[row] ?? -1);
      if (leader >= 0) rows.add(leader);
    }
    return rows;
  });
  const flat = computed(() => {
    const current = table.value;
    if (current === null || arranged.value === null) return null;
    const mask = new Uint8Array(current.count);
    for (const key of collapsed.value) {
      const row = index.value.get(key);
      if (row !== undefined) mask[row] = 1;
    }
    return flatten(current, mask, arranged.value, folds.value, unfoldedRows.value);
  });
  const idle = computed(() => (table.value === null ? [] : findIdle(table.value)));
  const axis = computed(() => {
    if (table.value === null) return { total: 1, gaps: [] };
    return compress.value ? compressedAxis(table.value, idle.value) : linearAxis(table.value);
  });
  const viewport = computed<Window>(() => (zoom.value === null ? { from: 0, to: axis.value.total } : clampWindow(zoom.value, axis.value.total)));
  /** A run told by log records alone is said so once, not on each row. */
  const told = computed(() => {
    const current = table.value;
    if (current === null) return false;
    let logs = 0;
    for (let row = 0; row < current.spanCount; row++) if ((current.flags[row]! & FLAG.logOnly) !== 0) logs++;
    return logs > current.spanCount * 0.8;
  });
  const content = createContentSearch(search, computed(() => table.value?.sessionId ?? null));
  const matches = computed(() => (table.value === null ? null : withRows(searchTable(table.value, search.value), content.found.value, index.value)));
  /** Row -> finding it belongs to. */
  const marks = computed(() => {
    const map = new Map<number, TreeFinding>();
    for (const finding of findings.value) for (const row of finding.rows) map.set(row, finding);
    return map;
  });

  const timeline = computed(() => (table.value === null || hidden.value === null ? null : buildTimeline(table.value, hidden.value)));
  const path = computed(() => (critical.value && table.value !== null && arranged.value !== null ? criticalPath(table.value, arranged.value) : null));
  const inside = computed(() => (table.value === null ? NOBODY : inSubagent(table.value)));
  const tracks = computed(() => {
    const [current, prepared] = [table.value, timeline.value];
    return current === null || prepared === null ? [] : [contextTrack(current, prepared, inside.value), spendTrack(prepared)].filter((track) => track !== null);
  });
  const annotations = createAnnotations({ table, version, selected });
  const playback = createPlayback({ table, timeline, axis, select: (row) => select(row) });
  const transcript = createTranscript({ table, hidden, version });
  const checkpoints = createCheckpoints({ table, version, index, selectedRow, time: playback.time });

  // ---- Loading -------------------------------------------------------------------------------

  let etag: string | null = null;
  let request: AbortController | null = null;
  let disposed = false;
  let loadMs = 0;
  let isOutdated = false;

  async function load(): Promise<void> {
    request?.abort();
    const own = (request = new AbortController());
    isOutdated = false;
    const before = performance.now();
    await read(own);
    if (own !== request) return;
    loadMs = performance.now() - before;
    request = null;
    if (isOutdated) refreshSoon();
  }

  async function read(own: AbortController): Promise<void> {
    try {
      const [tree, session] = await Promise.all([
        getTree(source.kind, source.id, etag, own.signal),
        source.kind === "session" ? getSession(source.id, own.signal) : Promise.resolve(null),
      ]);
      if (own !== request || disposed) return;
      const traced = source.kind === "trace" && tree?.tree.session_id ? await getSession(tree.tree.session_id, own.signal).catch(() => null) : null;
      batch(() => {
        failure.value = null;
        if (session ?? traced) detail.value = session ?? traced;
        // The tree is as it was; what people say of it may not be.
        if (tree === null) return void annotations.load();
        etag = tree.etag;
        const first = table.peek() === null;
        table.value = buildTable(tree.tree);
        findings.value = tree.tree.findings;
        version.value++;
        if (!first) return;
        openLinked();
        const at = playback.time.peek();
        playback.seek(at);
        if (at !== null && selected.peek() === null) playback.follow(at);
      });
    } catch (cause) {
      if (isAbort(cause) || own !== request) return;
      const error = toApiError(cause);
      // The session itself says why it is not there: it never was, or it was deleted.
      failure.value = error.status === 404 && source.kind === "session" ? await getSession(source.id).then(() => error, toApiError) : error;
    }
  }

  let timer = 0;
  /** A tree that takes long to read is read less often, so that a huge live run stays usable. */
  function refreshSoon(): void {
    // What happens while the tree is read may not be in it.
    isOutdated = true;
    if (timer !== 0 || request !== null || disposed) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void load();
    }, Math.min(5000, Math.max(REFRESH_MS, loadMs * 3)));
  }

  function concerns(ids: readonly string[]): boolean {
    if (source.kind === "session" && ids.includes(source.id)) return true;
    const current = table.peek();
    // Whose it is will be known when it is there.
    if (current === null) return true;
    if (current.sessionId !== null && ids.includes(current.sessionId)) return true;
    const wanted = new Set(ids);
    for (let row = 0; row < current.spanCount; row++) if (wanted.has(stringAt(current, current.session[row]!))) return true;
    return false;
  }

  const later: number[] = [];
  const stops = [
    onLive("commit", (commit) => concerns(commit.session_ids) && refreshSoon()),
    onLive("session", (row) => {
      if (row.session_id === source.id || row.parent_session_id === source.id) refreshSoon();
    }),
    onLive("finding", (finding) => {
      if (!concerns([finding.session_id])) return;
      refreshSoon();
      // A finding is told before it is written: the tree may hold it only a moment later.
      for (const ms of WRITTEN_MS) later.push(window.setTimeout(refreshSoon, ms));
    }),
    onLive("joined", refreshSoon),
  ];

  // ---- The address ---------------------------------------------------------------------------

  const address = bindAddress(
    { selected, zoom, tab, mainTab, collapsed, unfolded, search, left, audit, folding, compress, critical, muted: transcript.muted, time: playback.time },
    () => {
      playback.seek(playback.time.peek());
      if (table.peek() !== null) openLinked();
    },
  );
  stops.push(address.stop);

  function openLinked(): void {
    const key = selected.peek();
    if (key === null) return;
    const row = index.peek().get(key) ?? findBySpanId(key);
    deadLink.value = row === undefined ? key : null;
    if (row !== undefined) select(row);
  }

  /** Links from outside may name a span without its trace. */
  function findBySpanId(key: string): number | undefined {
    const current = table.peek();
    if (current === null || key.startsWith("turn:")) return undefined;
    const row = current.spanId.indexOf(key.slice(key.lastIndexOf(":") + 1));
    return row === -1 ? undefined : row;
  }

  // ---- Acting --------------------------------------------------------------------------------

  const without = <T>(set: ReadonlySet<T>, value: T) => new Set([...set].filter((other) => other !== value));
  const placeOf = (row: number) => (row < 0 ? -1 : (flat.peek()?.place[row] ?? -1));

  /** Opens whatever hides a row. */
  function reveal(row: number): void {
    const current = table.peek();
    if (current === null) return;
    batch(() => {
      if (plumbing.peek()?.mask[row] === 1) audit.value = true;
      if (hidden.peek()?.[row] === 1) left.value = new Set();
      const open = new Set(collapsed.peek());
      for (let up = current.parent[row]!; up >= 0; up = current.parent[up]!) open.delete(rowKey(current, up));
      if (open.size !== collapsed.peek().size) collapsed.value = open;
      // A row is also hidden by a closed group that one above it belongs to.
      const above = new Set(unfolded.peek());
      for (let at = row; at >= 0; at = arranged.peek()?.parent[at] ?? -1) {
        const leader = folds.peek()?.leader[at] ?? -1;
        if (leader >= 0 && (leader !== at || at !== row)) above.add(rowKey(current, leader));
      }
      if (above.size !== unfolded.peek().size) unfolded.value = above;
    });
  }

  /** Chooses a row and brings it into sight; `jump` when "back" should return to what was chosen before. */
  function select(row: number, jump = false): void {
    const current = table.peek();
    if (current === null || row < 0) return;
    reveal(row);
    if (jump && selected.peek() !== rowKey(current, row)) address.jump();
    batch(() => {
      selected.value = rowKey(current, row);
      deadLink.value = null;
      if (mainTab.peek() === "findings") mainTab.value = "waterfall";
      scrollRequest.value++;
      bringIntoWindow(row);
    });
  }

  /** Moves a zoomed window so that the row's bar can be seen. */
  function bringIntoWindow(row: number): void {
    const current = table.peek();
    const window = zoom.peek();
    if (current === null || window === null) return;
    const from = toAxis(axis.peek(), current.start[row]!);
    const to = toAxis(axis.peek(), current.end[row]!);
    if (to >= window.from && from <= window.to) return;
    const width = window.to - window.from;
    zoom.value = clampWindow({ from: from - width * 0.2, to: from + width * 0.8 }, axis.peek().total);
  }

  function move(delta: number): void {
    if (mainTab.peek() === "transcript") return moveEntry(delta);
    const list = flat.peek();
    if (list === null || list.count === 0) return;
    const place = placeOf(selectedRow.peek());
    const next = place < 0 ? (delta > 0 ? 0 : list.count - 1) : Math.min(list.count - 1, Math.max(0, place + delta));
    select(list.rows[next]!);
  }

  function moveEntry(delta: number): void {
    const entries = transcript.rows.peek();
    const place = transcript.placeNear(selectedRow.peek());
    const next = Math.min(entries.length - 1, Math.max(0, selectedRow.peek() < 0 && delta < 0 ? entries.length - 1 : place + delta));
    if (entries.length > 0) select(entries[next]!);
  }

  function seekRow(step: 1 | -1, test: (row: number) => boolean): boolean {
    const current = table.peek();
    if (current === null) return false;
    // All rows in reading order, also those in closed turns and groups: an error there is found too.
    const { order } = arranged.peek()!;
    const at = selectedRow.peek();
    const from = at >= 0 ? order.indexOf(at) : step === 1 ? -1 : 0;
    // A closed group is one stop, unless only a later member of it is meant.
    const folded = (row: number) => {
      const leader = folds.peek()?.leader[row] ?? -1;
      return leader >= 0 && leader !== row && !unfoldedRows.peek().has(leader) && test(leader);
    };
    const place = seek(order.length, from, step, (i) => test(order[i]!) && !folded(order[i]!));
    if (place < 0) return false;
    select(order[place]!);
    return true;
  }

  function turnRow(step: 1 | -1): void {
    const current = table.peek();
    if (current === null) return;
    const turn = current.operations.indexOf("turn");
    seekRow(step, (row) => current.operation[row] === turn);
  }

  function setCollapsed(row: number, closed: boolean): void {
    const current = table.peek();
    if (current === null) return;
    const key = rowKey(current, row);
    const leader = folds.peek()?.leader[row] ?? -1;
    if (leader >= 0) {
      const leaderKey = rowKey(current, leader);
      if (closed) {
        unfolded.value = without(unfolded.peek(), leaderKey);
        if (leader !== row && selected.peek() === key) selected.value = leaderKey;
      } else unfolded.value = new Set(unfolded.peek()).add(leaderKey);
      return;
    }
    collapsed.value = closed ? new Set(collapsed.peek()).add(key) : without(collapsed.peek(), key);
  }

  function isOpen(row: number): boolean | null {
    const current = table.peek();
    if (current === null) return null;
    const leader = folds.peek()?.leader[row] ?? -1;
    if (leader >= 0) return unfoldedRows.peek().has(leader);
    if ((arranged.peek()?.subtree[row] ?? 0) <= 1) return null;
    return !collapsed.peek().has(rowKey(current, row));
  }

  /** Closes everything that has acts below it, or opens everything; also the groups of alike rows. */
  function collapseAll(closed: boolean): void {
    const current = table.peek();
    const order = arranged.peek();
    if (current === null || order === null) return;
    batch(() => {
      const keys = new Set<string>();
      if (closed) for (const row of order.order) if (order.subtree[row]! > 1 && order.parent[row]! >= 0) keys.add(rowKey(current, row));
      collapsed.value = keys;
      const open = new Set<string>();
      if (!closed) for (const leader of folds.peek()?.members.keys() ?? []) open.add(rowKey(current, leader));
      unfolded.value = open;
    });
  }

  function collapseOrUp(): void {
    const row = selectedRow.peek();
    if (row < 0) return;
    const leader = folds.peek()?.leader[row] ?? -1;
    if (isOpen(row) === true && (leader < 0 || leader === row)) setCollapsed(row, true);
    else if (leader >= 0 && leader !== row) select(leader);
    else {
      let up = table.peek()!.parent[row]!;
      while (up >= 0 && placeOf(up) < 0) up = table.peek()!.parent[up]!;
      if (up >= 0) select(up);
    }
  }

  function expandOrDown(): void {
    const row = selectedRow.peek();
    if (row < 0) return move(1);
    if (isOpen(row) === false) setCollapsed(row, false);
    else if (isOpen(row) === true) move(1);
  }

  function zoomBy(factor: number, at?: number): void {
    const window = viewport.peek();
    let centre = at;
    if (centre === undefined) {
      const row = selectedRow.peek();
      const middle = (window.from + window.to) / 2;
      const own = row < 0 ? middle : (toAxis(axis.peek(), table.peek()!.start[row]!) + toAxis(axis.peek(), table.peek()!.end[row]!)) / 2;
      centre = own >= window.from && own <= window.to ? own : middle;
    }
    const next = zoomAround(window, centre, factor, axis.peek().total);
    zoom.value = next.to - next.from >= axis.peek().total * 0.9999 ? null : next;
  }

  function pan(share: number): void {
    const window = zoom.peek();
    if (window !== null) zoom.value = panBy(window, share * (window.to - window.from), axis.peek().total);
  }

  function zoomToRow(row: number): void {
    const current = table.peek();
    if (current === null || row < 0) return;
    const from = toAxis(axis.peek(), current.start[row]!);
    const to = toAxis(axis.peek(), current.end[row]!);
    const margin = Math.max((to - from) * 0.08, 500);
    zoom.value = clampWindow({ from: from - margin, to: to + margin }, axis.peek().total);
  }

  function dispose(): void {
    disposed = true;
    request?.abort();
    clearTimeout(timer);
    later.forEach(clearTimeout);
    playback.dispose();
    transcript.dispose();
    content.dispose();
    annotations.dispose();
    checkpoints.dispose();
    for (const stop of stops) stop();
  }

  return {
    source, table, detail, findings, failure, version,
    collapsed, unfolded, selected, selectedRow, zoom, tab, mainTab, search, scrollRequest, deadLink,
    audit, folding, compress, critical, left, content, playback, transcript, annotations, checkpoints, timeline, path, tracks, inSubagent: inside,
    index, plumbing, hidden, folds: computed(() => folds.value ?? NO_FOLDS), unfoldedRows, flat, idle, axis, viewport, matches, marks, alive, told,
    load, jump: address.jump, select, move, seekRow, turnRow, setCollapsed, isOpen, collapseOrUp, expandOrDown, collapseAll, zoomBy, zoomToRow, pan, placeOf, dispose,
    /** Goes to the act of a checkpoint, or lets the run stand at its instant. */
    toCheckpoint({ at, row }: PlacedCheckpoint) {
      if (row >= 0) select(row, true);
      else playback.seek(at);
    },
    /** The checkpoint after or before what is looked at. */
    nextCheckpoint(step: 1 | -1) {
      const list = checkpoints.placed.peek();
      const row = selectedRow.peek();
      const here = playback.time.peek() ?? (row < 0 ? (step === 1 ? -1 : Infinity) : table.peek()!.start[row]!);
      const next = step === 1 ? list.find(({ at }) => at > here) : list.findLast(({ at }) => at < here);
      if (next !== undefined) this.toCheckpoint(next);
    },
    deselect() {
      selected.value = null;
    },
    setWindow(window: Window | null) {
      zoom.value = window === null ? null : clampWindow(window, axis.peek().total);
    },
    nextFinding(step: 1 | -1) {
      const starts = new Set(findings.peek().map((finding) => finding.rows[0]));
      return seekRow(step, (row) => starts.has(row));
    },
    nextError: (step: 1 | -1) => seekRow(step, (row) => isError(table.peek()!, row) || isDenied(table.peek()!, row)),
    nextMatch: (step: 1 | -1) => seekRow(step, (row) => matches.peek()?.mask[row] === 1),
  };
}
