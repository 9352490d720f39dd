// The visible window of time: zoom, pan, ticks. All values are ns on the display axis.

export interface Window {
  from: number;
  to: number;
}

const NARROWEST = 100;

export function clampWindow(window: Window, total: number): Window {
  const width = Math.min(Math.max(window.to - window.from, Math.min(NARROWEST, total)), total);
  const from = Math.min(Math.max(window.from, 0), total - width);
  return { from, to: from + width };
}

/** Zooms so that the instant `at` stays where it is on screen; factor below 1 zooms in. */
export function zoomAround(window: Window, at: number, factor: number, total: number): Window {
  const width = window.to - window.from;
  const next = Math.min(Math.max(width * factor, Math.min(NARROWEST, total)), total);
  const share = width > 0 ? (at - window.from) / width : 0.5;
  return clampWindow({ from: at - share * next, to: at - share * next + next }, total);
}

export function panBy(window: Window, delta: number, total: number): Window {
  return clampWindow({ from: window.from + delta, to: window.to + delta }, total);
}

const S = 1e9;
const MIN = 60 * S;
const H = 60 * MIN;
const STEPS = [
  ...[1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((unit) => [unit, 2 * unit, 5 * unit]),
  ...[1, 2, 5, 10, 15, 30].map((s) => s * S),
  ...[1, 2, 5, 10, 15, 30].map((m) => m * MIN),
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240].map((h) => h * H),
];

export function tickStep(span: number, most: number): number {
  const wanted = span / Math.max(1, most);
  return STEPS.find((step) => step >= wanted) ?? STEPS[STEPS.length - 1]! * Math.ceil(wanted / STEPS[STEPS.length - 1]!);
}

export function ticks(window: Window, most: number): number[] {
  const step = tickStep(window.to - window.from, most);
  const first = Math.ceil(window.from / step - 1e-9);
  const list: number[] = [];
  for (let i = first; i * step <= window.to && list.length < 200; i++) list.push(i * step);
  return list;
}

/** A tick's label in the unit that its step asks for. */
export function formatTick(ns: number, step: number): string {
  const short = (value: number, unit: number, name: string) => {
    const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
    return `${(value / unit).toFixed(Math.min(digits, 6))} ${name}`;
  };
  if (ns === 0) return "0";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return short(ns, 1e3, "µs");
  if (ns < S) return short(ns, 1e6, "ms");
  if (ns < MIN) return short(ns, S, "s");
  const rest = (ns % MIN) / S;
  const minutes = Math.floor(ns / MIN);
  if (minutes < 60) {
    if (step >= MIN) return `${minutes} min`;
    const digits = Math.max(0, Math.ceil(-Math.log10(step / S) - 1e-9));
    return `${minutes}:${rest.toFixed(digits).padStart(digits > 0 ? 3 + digits : 2, "0")}`;
  }
  const clock = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  return step >= MIN ? `${clock} h` : `${clock}:${rest.toFixed(0).padStart(2, "0")}`;
}
