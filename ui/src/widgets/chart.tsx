// Figures over time, drawn by uPlot. The legend says the values under the pointer, or totals.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { inZone, zone } from "../state/clock.ts";
import { contrast, dark, tokenColour } from "../state/theme.ts";

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** Name of a colour token. */
  colour: string;
  kind: "bar" | "line";
  /** Stands on the series before it. */
  stacked?: boolean;
  dashed?: boolean;
}

interface Props {
  title: string;
  /** Unix seconds, in order. */
  x: readonly number[];
  stepS: number;
  series: readonly Series[];
  format: (value: number) => string;
  /** What the legend says of a series while nothing is pointed at. */
  summary: (series: Series) => string;
  onRange?: (fromS: number, untilS: number) => void;
  /** Charts of one name point at the same moment. */
  group?: string;
  height?: number;
  /** Upper end of the axis; the largest value when absent. */
  top?: number;
}

/** So few values that a line between them could not be seen. */
const isSparse = (series: Series) => series.values.filter((value) => value !== null).length < 3;

/** Values as they are drawn: stacked ones stand on those before. */
export function stack(series: readonly Series[]): (number | null)[][] {
  const drawn: (number | null)[][] = [];
  series.forEach((one, i) => {
    const below = one.stacked === true ? drawn[i - 1] : undefined;
    drawn.push(one.values.map((value, place) => (below === undefined ? value : (value ?? 0) + (below[place] ?? 0))));
  });
  return drawn;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment on the axis, as exact as the distance between two of them. */
function tickLabel(seconds: number, increment: number): string {
  const at = inZone(new Date(seconds * 1000));
  const clock = `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  if (increment >= 27 * 86_400) return at.getMonth() === 0 ? String(at.getFullYear()) : MONTHS[at.getMonth()]!;
  return increment >= 86_400 || clock === "00:00" ? day : clock;
}

export function Chart({ title, x, stepS, series, format, summary, onRange, group, height = 148, top }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  // Bars behind come first: of a stack the highest.
  const order = useMemo(() => series.map((_, i) => i).reverse(), [series.length]);
  const data = useMemo(() => {
    const drawn = stack(series);
    return [x as number[], ...order.map((i) => drawn[i]!)] as uPlot.AlignedData;
  }, [x, series]);
  const shape = JSON.stringify(series.map((one) => [one.label, one.colour, one.kind, one.stacked, one.dashed, isSparse(one)]));
  const callbacks = useRef({ format, onRange });
  callbacks.current = { format, onRange };

  useEffect(() => {
    const element = host.current!;
    const line = tokenColour("line");
    const muted = tokenColour("muted");
    const font = "10.5px system-ui, sans-serif";
    const axis: uPlot.Axis = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const options: uPlot.Options = {
      width: Math.max(120, element.clientWidth),
      height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => inZone(new Date(seconds * 1000)),
      cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false, setScale: false }, ...(group === undefined ? {} : { sync: { key: group } }) },
      scales: { x: { time: true, range: (_, from, until) => [from - stepS * 0.5, (until ?? from) + stepS * 0.5] }, y: { range: (_, __, most) => [0, top ?? (most === null || most <= 0 ? 1 : most * 1.08)] } },
      axes: [{ ...axis, grid: { show: false }, space: 70, size: 24, values: (_, ticks, __, ___, increment) => ticks.map((tick) => tickLabel(tick, increment)) }, { ...axis, space: 34, size: 52, values: (_, ticks) => ticks.map((tick) => callbacks.current.format(tick)) }],
      series: [{}, ...order.map((i) => {
        const { label, colour, kind, dashed } = series[i]!;
        const paint = tokenColour(colour);
        return kind === "bar"
          ? { label, stroke: paint, fill: paint, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.78, 40], align: 0 }) }
          : { label, stroke: paint, width: 1.5, spanGaps: true, points: { show: isSparse(series[i]!), size: 6, fill: paint }, ...(dashed === true ? { dash: [4, 3] } : {}) };
      })],
      hooks: {
        setCursor: [(self) => setAt(self.cursor.idx ?? null)],
        setSelect: [(self) => {
          if (self.select.width < 6) return;
          callbacks.current.onRange?.(self.posToVal(self.select.left, "x"), self.posToVal(self.select.left + self.select.width, "x"));
          self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        }],
      },
    };
    const made = new uPlot(options, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, dark.value, contrast.value, zone.value, stepS, group, height, top]);
  useEffect(() => plot.current?.setData(data), [data]);

  const told = (one: Series) => (at === null ? summary(one) : one.values[at] == null ? "–" : format(one.values[at]));
  return (
    <figure class="chart" aria-label={`${title}: ${series.map((one) => `${one.label} ${summary(one)}`).join(", ")}`}>
      <figcaption>
        <h2>{title}</h2>
        <span class="chart-legend">{series.map((one) => <span key={one.label}><i class={one.kind === "line" ? "is-line" : ""} style={{ background: `var(--${one.colour})` }} />{one.label} <b>{told(one)}</b></span>)}</span>
      </figcaption>
      <div ref={host} class="chart-host" aria-hidden="true" style={{ minHeight: `${height}px` }} />
    </figure>
  );
}
