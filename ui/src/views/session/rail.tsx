// The session list beside an open session.

import { useEffect, useRef } from "preact/hooks";
import { railWidth } from "../../state/panels.ts";
import { sessionLink } from "../../state/route.ts";
import { filterText, hasMore, more, setFilter, shownRows } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { titleOf } from "../../trace/payload_text.ts";
import { tellTime } from "../../state/clock.ts";
import { showRow, useSight } from "../../widgets/virtual_rows.tsx";
import { Flags, StatusMark } from "../sessions/session_marks.tsx";

const HEIGHT = 40;

export function Rail({ current }: { current: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = shownRows.value;
  const sight = useSight(scroller, list.length, HEIGHT);
  const place = list.findIndex((row) => row.session_id === current);
  useEffect(() => {
    if (place >= 0 && scroller.current !== null) showRow(scroller.current, place, HEIGHT);
  }, [place < 0, current]);
  useEffect(() => {
    if (sight.end >= list.length && hasMore()) void more();
  }, [sight.end, list.length]);
  return (
    <aside class="rail" style={{ width: `${railWidth.value}px` }} aria-label={t("Sessions")}>
      <input type="search" placeholder={t("Filter sessions")} aria-label={t("Filter sessions")} value={filterText.value} onInput={(event) => setFilter(event.currentTarget.value)} />
      <div class="rail-scroll" ref={scroller} tabIndex={-1} data-own-arrows>
        <div style={{ height: `${list.length * HEIGHT}px`, position: "relative" }}>
          {list.slice(sight.first, sight.end).map((row, i) => (
            <a key={row.session_id} class="rail-row" href={sessionLink(row.session_id)} aria-current={row.session_id === current ? "page" : undefined} style={{ top: `${(sight.first + i) * HEIGHT}px` }}>
              <StatusMark row={row} />
              <span class="clip">{titleOf(row)}</span>
              <Flags row={row} compact />
              <span class="rail-sub clip">{[row.harness, tellTime(row.started_at)].filter(Boolean).join(" · ")}</span>
            </a>
          ))}
        </div>
        {list.length === 0 ? <p class="note pad">{t("No session fits.")}</p> : null}
      </div>
    </aside>
  );
}
