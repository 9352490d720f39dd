// The whole run in one canvas: a lane per kind of act, trouble as ticks, the window as a brush.

import { useEffect, useRef, useState } from "preact/hooks";
import { dark } from "../../state/theme.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { binMinimap } from "../../trace/minimap.ts";
import { panBy } from "../../trace/viewport.ts";
import { toAxis } from "../../trace/axis.ts";
import { formatDuration } from "../../trace/format.ts";
import { drawLanes, lanesHeight } from "../../widgets/lanes.ts";
import { Playhead } from "./playhead.tsx";

export function Minimap({ view }: { view: SessionView }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const table = view.table.value!;
  const axis = view.axis.value;
  const mask = view.hidden.value!;
  const marks = view.marks.value;
  const isDark = dark.value;

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  const [lanes, setLanes] = useState(3);
  const height = lanesHeight(lanes);
  useEffect(() => {
    if (width === 0) return;
    const pixels = Math.round(width * (devicePixelRatio || 1));
    const bins = binMinimap(table, axis, mask, marks.keys(), pixels);
    setLanes(bins.lanes.length);
    drawLanes(canvas.current!, bins, axis.gaps.map((gap) => ((gap.axisFrom + gap.axisTo) / 2 / axis.total) * pixels));
  }, [table, axis, mask, marks, width, isDark]);

  const instant = (event: MouseEvent) => {
    const rect = box.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) * axis.total;
  };

  useEffect(() => {
    const element = box.current!;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const total = view.axis.peek().total;
      const rect = element.getBoundingClientRect();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const window = view.viewport.peek();
        view.setWindow(panBy(window, ((event.deltaX || event.deltaY) / rect.width) * total, total));
      } else view.zoomBy(Math.exp(event.deltaY * 0.0022), ((event.clientX - rect.left) / rect.width) * total);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [view]);

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const element = box.current!;
    element.setPointerCapture(event.pointerId);
    const start = instant(event);
    const before = view.viewport.peek();
    const perPixel = axis.total / element.clientWidth;
    const zoomed = view.zoom.peek() !== null;
    const near = (at: number) => Math.abs(start - at) < 6 * perPixel;
    // On an edge of the window: resize it. Inside: move it. Elsewhere: brush a new one.
    const mode = zoomed && near(before.from) ? "from" : zoomed && near(before.to) ? "to" : zoomed && start > before.from && start < before.to ? "pan" : "brush";
    const moved = (move: PointerEvent) => {
      const now = instant(move);
      if (mode === "pan") view.setWindow(panBy(before, now - start, axis.total));
      else if (mode === "from") view.setWindow({ from: Math.min(now, before.to - perPixel), to: before.to });
      else if (mode === "to") view.setWindow({ from: before.from, to: Math.max(now, before.from + perPixel) });
      else if (Math.abs(now - start) > 3 * perPixel) view.setWindow({ from: Math.min(start, now), to: Math.max(start, now) });
    };
    const done = () => {
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerup", done);
      element.removeEventListener("pointercancel", done);
    };
    element.addEventListener("pointermove", moved);
    element.addEventListener("pointerup", done);
    element.addEventListener("pointercancel", done);
  };

  const window = view.viewport.value;
  const percent = (at: number) => `${((at / axis.total) * 100).toFixed(4)}%`;
  return (
    <div class="minimap" ref={box} style={{ height: `${height}px` }} onPointerDown={onPointerDown} onDblClick={() => view.setWindow(null)}
      title={t("Drag to choose a window, wheel to zoom, double-click to fit")} role="img" aria-label={t("Overview of {0}", formatDuration(table.total))}>
      <canvas ref={canvas} style={{ height: `${height}px` }} />
      <Playhead view={view} place={(at) => `${((toAxis(axis, at) / axis.total) * 100).toFixed(3)}%`} />
      {view.zoom.value === null ? null : (
        <>
          <i class="minimap-shade" style={{ left: 0, width: percent(window.from) }} />
          <i class="minimap-shade" style={{ left: percent(window.to), right: 0 }} />
          <i class="minimap-brush" style={{ left: percent(window.from), width: percent(window.to - window.from) }} />
        </>
      )}
    </div>
  );
}
