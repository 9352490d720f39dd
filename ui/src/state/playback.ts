// Replay in time: one instant of the run, moved by hand or by the clock.

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { toAxis, toTime, type Axis } from "../trace/axis.ts";
import { momentAt, upperBound, type Timeline } from "../trace/moment.ts";
import type { SpanTable } from "../trace/span_table.ts";

export const SPEEDS = [1, 2, 5, 10, 30, 60] as const;
/** How often what is costly to draw follows the clock, in milliseconds. */
const MOMENT_MS = 100;

interface Needs {
  table: ReadonlySignal<SpanTable | null>;
  timeline: ReadonlySignal<Timeline | null>;
  axis: ReadonlySignal<Axis>;
  select: (row: number) => void;
}

export type Playback = ReturnType<typeof createPlayback>;

export function createPlayback({ table, timeline, axis, select }: Needs) {
  /** The instant, in ns from the start of the run; null while nobody replays. */
  const time = signal<number | null>(null);
  /** The same, at most ten times a second: for what is costly to draw. */
  const settled = signal<number | null>(null);
  const playing = signal(false);
  const speed = signal<number>(SPEEDS[0]);
  const moment = computed(() => {
    const [current, prepared, at] = [table.value, timeline.value, settled.value];
    return current === null || prepared === null || at === null ? null : momentAt(current, prepared, at);
  });

  let frame = 0;
  let before = 0;
  let told = 0;
  let step = -1;

  /** Chooses the act that began last up to an instant, unless it was that before. */
  function follow(at: number): void {
    const prepared = timeline.peek();
    if (prepared === null) return;
    const now = upperBound(prepared.starts, at) - 1;
    if (now === step || now < 0) return;
    step = now;
    select(prepared.steps[now]!);
  }

  function seek(at: number | null): void {
    const current = table.peek();
    time.value = at === null || current === null ? at : Math.min(current.total, Math.max(0, at));
    settled.value = time.value;
    if (at === null) pause();
  }

  function tick(now: number): void {
    const current = table.peek();
    if (current === null || time.peek() === null) return pause();
    const elapsed = Math.min(100, now - before);
    before = now;
    // Along the axis as it is drawn: a stretch drawn short passes quickly.
    const next = toTime(axis.peek(), toAxis(axis.peek(), time.peek()!) + elapsed * 1e6 * speed.peek());
    time.value = Math.min(current.total, next);
    if (now - told > MOMENT_MS || next >= current.total) {
      told = now;
      settled.value = time.peek();
      follow(time.peek()!);
    }
    if (next >= current.total) return pause();
    frame = requestAnimationFrame(tick);
  }

  function pause(): void {
    cancelAnimationFrame(frame);
    playing.value = false;
    settled.value = time.peek();
  }

  function play(): void {
    const current = table.peek();
    if (current === null) return;
    if (time.peek() === null || time.peek()! >= current.total) seek(0);
    step = -1;
    playing.value = true;
    before = performance.now();
    told = 0;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(tick);
  }

  /** Goes to the act before or after this instant, and chooses it. `from` is the row to step from. */
  function stepBy(by: 1 | -1, from: number): void {
    const prepared = timeline.peek();
    const current = table.peek();
    if (prepared === null || current === null || prepared.steps.length === 0) return;
    pause();
    let place = from < 0 ? -1 : prepared.steps.indexOf(from);
    if (place < 0 || (time.peek() !== null && current.start[from] !== time.peek())) {
      place = time.peek() === null ? -1 : upperBound(prepared.starts, time.peek()!) - 1;
      if (by === -1 && place >= 0 && prepared.starts[place]! < time.peek()!) place++;
    }
    const next = Math.min(prepared.steps.length - 1, Math.max(0, place + by));
    const row = prepared.steps[next]!;
    step = next;
    seek(current.start[row]!);
    select(row);
  }

  const stop = effect(() => {
    // A view that goes away must not go on ticking.
    if (table.value === null) pause();
  });

  return {
    time, playing, speed, moment, seek, follow, play, pause, stepBy,
    toggle: () => (playing.peek() ? pause() : play()),
    faster(by: 1 | -1) {
      const at = SPEEDS.indexOf(speed.peek() as (typeof SPEEDS)[number]);
      speed.value = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))]!;
    },
    dispose() {
      pause();
      stop();
    },
  };
}
