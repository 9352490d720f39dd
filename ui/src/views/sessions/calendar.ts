// The year of squares: which day stands where, and how dark it is. No DOM.

import type { Activity } from "../../api/overview.ts";

export interface Day {
  /** `2026-11-21`; empty for squares before the first and after the last day. */
  day: string;
  sessions: number;
  tokens: number;
  cost: number;
  /** 0 nothing, 4 most. */
  level: number;
}

export interface Calendar {
  weeks: number;
  /** Seven rows, Monday first, of one square per week. */
  rows: Day[][];
  /** The week in which each month begins. */
  months: { week: number; label: string }[];
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86_400_000;

/** Adds quarters of an hour up to days; `dayOf` knows the time zone. */
export function addUp(activity: Activity, dayOf: (ms: number) => string): Map<string, Omit<Day, "day" | "level">> {
  const days = new Map<string, Omit<Day, "day" | "level">>();
  for (let i = 0; i < activity.start_s.length; i++) {
    const name = dayOf(activity.start_s[i]! * 1000);
    const day = days.get(name) ?? { sessions: 0, tokens: 0, cost: 0 };
    day.sessions += activity.session_count[i]!;
    day.tokens += activity.tokens[i]!;
    day.cost += activity.cost_usd[i] ?? 0;
    days.set(name, day);
  }
  return days;
}

/** `weeks` columns that end with the week of `today`. */
export function makeCalendar(days: ReadonlyMap<string, Omit<Day, "day" | "level">>, today: string, weeks: number): Calendar {
  const last = Date.parse(`${today}T00:00:00Z`);
  const weekday = (new Date(last).getUTCDay() + 6) % 7;
  const first = last - (weekday + (weeks - 1) * 7) * DAY_MS;
  const most = Math.max(1, ...[...days.values()].map((day) => day.sessions));
  const rows: Day[][] = Array.from({ length: 7 }, () => []);
  const months: Calendar["months"] = [];
  for (let week = 0; week < weeks; week++) {
    for (let place = 0; place < 7; place++) {
      const at = first + (week * 7 + place) * DAY_MS;
      const name = new Date(at).toISOString().slice(0, 10);
      const known = days.get(name);
      // The square root keeps one busy day from making all others pale.
      const level = known === undefined ? 0 : Math.max(1, Math.ceil(Math.sqrt(known.sessions / most) * 4));
      rows[place]!.push(at > last ? { day: "", sessions: 0, tokens: 0, cost: 0, level: 0 } : { day: name, sessions: known?.sessions ?? 0, tokens: known?.tokens ?? 0, cost: known?.cost ?? 0, level });
      if (name.endsWith("-01")) months.push({ week: place === 0 ? week : week + 1, label: MONTHS[Number(name.slice(5, 7)) - 1]! });
    }
  }
  return { weeks, rows, months: months.filter((month) => month.week < weeks - 1) };
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** `Sat 21 Nov 2026`. */
export function dayName(day: string): string {
  const at = new Date(`${day}T00:00:00Z`);
  return `${WEEKDAYS[(at.getUTCDay() + 6) % 7]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}
