// Curves below the rows, on the same axis: context fill and what had been spent.

import { useEffect, useRef } from "preact/hooks";
import { namesShown } from "../../state/panels.ts";
import type { SessionView } from "../../state/session_view.ts";
import { dark, tokenColour } from "../../state/theme.ts";
import { t } from "../../strings.ts";
import { toAxis, toTime } from "../../trace/axis.ts";
import { formatCost, formatCount } from "../../trace/format.ts";
import { upperBound } from "../../trace/moment.ts";
import type { Track } from "../../trace/tracks.ts";

const HEIGHT = 26;
/** Least distance of two marks of a history that shrank. */
const DROP_PX = 12;
const NAMES = { context: t("context"), cost: t("cost so far"), tokens: t("tokens so far") } as const;
const COLOURS = { context: "model", cost: "agent", tokens: "agent" } as const;
const HINTS = {
  context: t("Input tokens of each request of the main agent; a dashed line where the history shrank"),
  cost: t("Cost of the requests that had ended"),
  tokens: t("Tokens of the requests that had ended; no price is known"),
} as const;

function TrackView({ view, track, pixels }: { view: SessionView; track: Track; pixels: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const value = useRef<HTMLSpanElement>(null);
  const axis = view.axis.value;
  const window = view.viewport.value;
  const isDark = dark.value;
  const text = (amount: number) => (track.name === "cost" ? formatCost(amount) : formatCount(amount));

  useEffect(() => {
    const element = canvas.current!;
    const context = element.getContext("2d");
    if (context === null) return;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(pixels * ratio);
    element.height = HEIGHT * ratio;
    const scale = (pixels * ratio) / (window.to - window.from);
    const x = (time: number) => (toAxis(axis, time) - window.from) * scale;
    const y = (amount: number) => (HEIGHT - 2 - (amount / track.most) * (HEIGHT - 6)) * ratio;
    const right = Math.min(element.width, x(view.table.peek()!.total));
    const first = Math.max(0, upperBound(track.times, toTime(axis, window.from)) - 1);
    context.beginPath();
    context.moveTo(Math.max(0, x(track.times[first]!)), HEIGHT * ratio);
    let before = track.values[first] ?? 0;
    // Many points in one pixel are one stroke from the least to the most of them.
    let column = -1;
    let least = 0;
    let most = 0;
    const endColumn = () => {
      if (column < 0 || (least === before && most === before)) return;
      context.lineTo(column, y(least));
      context.lineTo(column, y(most));
      context.lineTo(column, y(before));
    };
    for (let i = first; i < track.times.length; i++) {
      const at = Math.floor(Math.max(0, x(track.times[i]!)));
      if (at > element.width) break;
      const amount = track.values[i]!;
      if (at === column) {
        least = Math.min(least, amount);
        most = Math.max(most, amount);
      } else {
        endColumn();
        context.lineTo(at, y(before));
        context.lineTo(at, y(amount));
        column = at;
        least = most = amount;
      }
      before = amount;
    }
    endColumn();
    context.lineTo(right, y(before));
    context.strokeStyle = tokenColour(COLOURS[track.name]);
    context.lineWidth = 1.25 * ratio;
    context.stroke();
    context.lineTo(right, HEIGHT * ratio);
    context.closePath();
    context.fillStyle = context.strokeStyle;
    context.globalAlpha = 0.14;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = tokenColour("hook");
    context.lineWidth = ratio;
    context.setLineDash([2 * ratio, 2 * ratio]);
    context.beginPath();
    let last = -DROP_PX * ratio;
    for (const drop of track.drops) {
      const at = x(drop);
      if (at > element.width) break;
      // Closer than this they would be a hatch that says nothing.
      if (at < 0 || at < last + DROP_PX * ratio) continue;
      context.moveTo(at, 0);
      context.lineTo(at, HEIGHT * ratio);
      last = at;
    }
    context.stroke();
    context.setLineDash([]);
  }, [track, axis, window.from, window.to, pixels, isDark]);

  const onMove = (event: PointerEvent) => {
    const share = (event.clientX - canvas.current!.getBoundingClientRect().left) / pixels;
    const at = toTime(axis, window.from + share * (window.to - window.from));
    const i = upperBound(track.times, at) - 1;
    value.current!.textContent = i < 0 ? text(0) : text(track.values[i]!);
  };
  const reset = () => (value.current!.textContent = text(track.most));
  return (
    <div class="track" onPointerMove={onMove} onPointerLeave={reset} title={HINTS[track.name]}>
      <div class="track-name"><span class="muted">{NAMES[track.name]}</span><span class="grow" /><span ref={value} class="track-value">{text(track.most)}</span></div>
      <canvas ref={canvas} role="img" aria-label={t("{0}, at most {1}", NAMES[track.name], text(track.most))} style={{ width: `${pixels}px`, height: `${HEIGHT}px` }} />
    </div>
  );
}

export function Tracks({ view, pixels }: { view: SessionView; pixels: number }) {
  const tracks = view.tracks.value;
  if (tracks.length === 0) return null;
  return <div class="tracks" style={{ "--names": `${namesShown.value}px` }}>{tracks.map((track) => <TrackView key={track.name} view={view} track={track} pixels={pixels} />)}</div>;
}
