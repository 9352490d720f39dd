// A year of sessions as squares. A click shows the sessions of a day, with Shift of all days between.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Activity } from "../../api/overview.ts";
import { dayOf, now, zone } from "../../state/clock.ts";
import { parseFilter, replaceTerms } from "../../state/filter.ts";
import { filterText, setFilter } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, plural } from "../../trace/format.ts";
import { addUp, dayName, makeCalendar, type Day } from "./calendar.ts";

const CELL = 12;
const LABELS = 30;
const MOST_WEEKS = 53;
const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

function tell(day: Day): string {
  const facts = [plural(day.sessions, "session"), day.tokens > 0 ? `${formatCount(day.tokens)} tokens` : null, day.cost > 0 ? formatCost(day.cost) : null];
  return `${dayName(day.day)}: ${day.sessions === 0 ? t("no sessions") : facts.filter(Boolean).join(" · ")}`;
}

/** The days that the filter names: from, until, both included. */
function chosenDays(text: string): [string, string] | null {
  const value = (field: string) => parseFilter(text).find((term) => term.field === field && /^\d{4}-\d\d-\d\d$/.test(term.value))?.value;
  const day = value("day");
  if (day !== undefined) return [day, day];
  const from = value("from");
  const until = value("until");
  return from === undefined && until === undefined ? null : [from ?? "0000-00-00", until ?? "9999-99-99"];
}

export function Heatmap({ activity }: { activity: Activity | null }) {
  const box = useRef<HTMLDivElement>(null);
  const [weeks, setWeeks] = useState(MOST_WEEKS);
  const [at, setAt] = useState<{ row: number; week: number } | null>(null);
  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setWeeks(Math.max(8, Math.min(MOST_WEEKS, Math.floor((element.clientWidth - LABELS) / CELL)))));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const today = dayOf(now.value);
  const calendar = useMemo(() => makeCalendar(activity === null ? new Map() : addUp(activity, dayOf), today, weeks), [activity, weeks, today, zone.value]);
  const chosen = chosenDays(filterText.value);
  const pointed = at === null ? undefined : calendar.rows[at.row]?.[at.week];

  const choose = (day: string, extend: boolean) => {
    if (day === "") return;
    if (extend && chosen !== null) {
      const [from, until] = [chosen[0] < day ? chosen[0] : day, chosen[1] > day && chosen[0] >= day ? chosen[1] : day];
      setFilter(replaceTerms(filterText.peek(), ["day", "from", "until"], `from:${from} until:${until}`));
    } else {
      const same = chosen !== null && chosen[0] === day && chosen[1] === day;
      setFilter(replaceTerms(filterText.peek(), ["day", "from", "until"], same ? null : `day:${day}`));
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -weeks], End: [0, weeks] };
    const move = moves[event.key];
    const place = at ?? { row: calendar.rows.findIndex((row) => row.at(-1)!.day === today), week: weeks - 1 };
    if (move !== undefined) {
      event.preventDefault();
      const next = { row: Math.min(6, Math.max(0, place.row + (at === null ? 0 : move[0]))), week: Math.min(weeks - 1, Math.max(0, place.week + (at === null ? 0 : move[1]))) };
      if (calendar.rows[next.row]![next.week]!.day !== "") setAt(next);
    } else if ((event.key === "Enter" || event.key === " ") && pointed !== undefined) {
      event.preventDefault();
      choose(pointed.day, event.shiftKey);
    }
  };
  const total = calendar.rows.flat().reduce((sum, day) => sum + day.sessions, 0);
  return (
    <div class="heatmap" ref={box}>
      <div class="heat-months" aria-hidden="true" style={{ marginLeft: `${LABELS}px` }}>
        {calendar.months.map((month) => <span key={month.week} style={{ left: `${month.week * CELL}px` }}>{month.label}</span>)}
      </div>
      <div class="heat-grid" role="grid" tabIndex={0} data-own-arrows aria-label={t("Sessions per day, the last {0} weeks", weeks)} aria-activedescendant={at === null ? undefined : `day-${at.row}-${at.week}`}
        style={{ gridTemplateColumns: `${LABELS}px repeat(${weeks}, ${CELL - 2}px)` }} onKeyDown={onKeyDown} onPointerLeave={() => setAt(null)} onBlur={() => setAt(null)}>
        {calendar.rows.map((row, place) => (
          <div key={place} role="row" class="heat-row">
            <span role="rowheader" class="heat-weekday"><span class="sr-only">{WEEKDAYS[place]}</span><span aria-hidden="true">{place % 2 === 0 && place < 6 ? WEEKDAYS[place]!.slice(0, 3) : ""}</span></span>
            {row.map((day, week) => day.day === "" ? <span key={week} role="gridcell" class="heat-none" /> : (
              <span key={week} id={`day-${place}-${week}`} role="gridcell" class={`heat-day level-${day.level}${chosen !== null && day.day >= chosen[0] && day.day <= chosen[1] ? " is-chosen" : ""}${at !== null && at.row === place && at.week === week ? " is-pointed" : ""}`}
                aria-label={tell(day)} aria-selected={chosen !== null && day.day >= chosen[0] && day.day <= chosen[1]}
                onPointerEnter={() => setAt({ row: place, week })} onClick={(event) => choose(day.day, event.shiftKey)} />
            ))}
          </div>
        ))}
      </div>
      <p class="heat-told" style={{ marginLeft: `${LABELS}px` }}>
        <span class="clip">{pointed !== undefined && pointed.day !== "" ? tell(pointed) : activity === null ? "" : t("{0} in {1}", plural(total, "session"), plural(weeks, "week"))}</span>
        <span class="grow" />
        <span class="heat-legend" aria-hidden="true">{t("less {0} more", [0, 1, 2, 3, 4].map((level) => <i key={level} class={`heat-day level-${level}`} />))}</span>
      </p>
    </div>
  );
}
