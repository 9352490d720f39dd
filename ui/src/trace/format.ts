// Numbers, durations and times as short text. Nothing here depends on the locale of the machine,
// so that two people looking at one link read the same characters.

import { nounFor, t } from "./strings.ts";

const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function trim(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns) || ns < 0) return "–";
  if (ns === 0) return "0 s";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${trim(ns / 1e3, ns < 1e4 ? 1 : 0)} µs`;
  if (ns < 999.5e6) return `${trim(ns / 1e6, ns < 1e7 ? 1 : 0)} ms`;
  if (ns < 9.95 * SECOND) return `${trim(ns / SECOND, 2)} s`;
  if (ns < 59.95 * SECOND) return `${trim(ns / SECOND, 1)} s`;
  if (ns < HOUR) {
    const seconds = Math.round(ns / SECOND);
    return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  }
  const minutes = Math.round(ns / MINUTE);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${trim(ns / HOUR / 24, 1)} d`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${trim(bytes / 1e3, bytes < 1e4 ? 1 : 0)} KB`;
  if (bytes < 1e9) return `${trim(bytes / 1e6, 1)} MB`;
  return `${trim(bytes / 1e9, 2)} GB`;
}

export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e4) return `${trim(count / 1e3, 1)}k`;
  if (count < 999_500) return `${Math.round(count / 1e3)}k`;
  if (count < 1e9) return `${trim(count / 1e6, count < 1e7 ? 2 : 1)}M`;
  return `${trim(count / 1e9, 2)}G`;
}

/** Whole numbers with thin group marks: 200,031. */
export function groupDigits(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function formatCost(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${usd.toFixed(4)}`;
  if (usd < 100) return `$${usd.toFixed(2)}`;
  return `$${Math.round(usd)}`;
}

export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${groupDigits(count)} ${nounFor(count, noun, many)}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const pad = (value: number) => String(value).padStart(2, "0");

/** Local wall-clock time, with the date only when it is not today's. */
export function formatTime(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return clock;
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? `${day} ${clock.slice(0, 5)}` : `${day} ${at.getFullYear()}`;
}

export function formatAgo(iso: string, now = Date.now()): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 5) return t("just now");
  if (seconds < 60) return t("{0} s ago", seconds);
  if (seconds < 3600) return t("{0} min ago", Math.floor(seconds / 60));
  if (seconds < 48 * 3600) return t("{0} h ago", Math.floor(seconds / 3600));
  return t("{0} d ago", Math.floor(seconds / 86400));
}

/** Unix nanoseconds of an RFC 3339 time in UTC, with all of its digits. */
export function unixNs(iso: string): bigint {
  const [, whole, digits = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(iso) ?? [];
  const ms = Date.parse(whole === undefined ? iso : `${whole}Z`);
  if (Number.isNaN(ms)) return 0n;
  return BigInt(ms) * 1_000_000n + BigInt(digits.slice(0, 9).padEnd(9, "0"));
}
