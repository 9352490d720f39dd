// How times are told: in which zone, and as a clock time or as a distance from now.

import { signal } from "@preact/signals";
import { formatAgo, formatTime } from "../trace/format.ts";
import { stored } from "./stored.ts";

export type Zone = "local" | "utc";
export const zone = stored<string>("time.zone", "local");
export const timeStyle = stored<string>("time.style", "clock");

/** Moves on every few seconds, so that distances from now stay true. */
export const now = signal(Date.now());
const TICK_MS = 5000;

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, TICK_MS);
}

/** The fields of a moment in the chosen zone, as a Date whose local fields hold them. */
export function inZone(at: Date): Date {
  return zone.value === "utc" ? new Date(at.getTime() + at.getTimezoneOffset() * 60_000) : at;
}

/** The start of a day (`2026-11-21`) in the chosen zone, Unix ms; `days` moves it. */
export function dayStart(day: string, days = 0): number {
  const [year, month, date] = day.split("-").map(Number);
  return zone.value === "utc" ? Date.UTC(year!, month! - 1, date! + days) : new Date(year!, month! - 1, date! + days).getTime();
}

/** The day of a moment (Unix ms) in the chosen zone. */
export function dayOf(ms: number): string {
  const at = inZone(new Date(ms));
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}

/** A moment as it is told now: reading it subscribes to zone, style and, for distances, the clock. */
export function tellTime(iso: string): string {
  if (timeStyle.value === "relative") return formatAgo(iso, Math.max(now.value, Date.now()));
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return formatTime(inZone(at).toISOString(), inZone(new Date()));
}

/** The whole moment, for titles. */
export function fullTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const local = inZone(at);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const minutes = -at.getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  const offset = zone.value === "utc" ? "UTC" : `UTC${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  return `${local.getFullYear()}-${pad(local.getMonth() + 1)}-${pad(local.getDate())} ${pad(local.getHours())}:${pad(local.getMinutes())}:${pad(local.getSeconds())}.${pad(local.getMilliseconds(), 3)} ${offset}`;
}

export function toggleZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
}

export function toggleTimeStyle(): void {
  timeStyle.value = timeStyle.value === "relative" ? "clock" : "relative";
}
