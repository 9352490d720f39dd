// The line at the instant that is replayed. It moves with the clock; nothing else is drawn for it.

import { useEffect, useRef } from "preact/hooks";
import type { SessionView } from "../../state/session_view.ts";

/** `place` turns an instant (ns) into a CSS length from the left; null when it is out of sight. */
export function Playhead({ view, place }: { view: SessionView; place: (time: number) => string | null }) {
  const line = useRef<HTMLElement>(null);
  const latest = useRef(place);
  latest.current = place;
  const put = (at: number | null) => {
    const element = line.current;
    if (element === null) return;
    const left = at === null ? null : latest.current(at);
    element.hidden = left === null;
    if (left !== null) element.style.left = left;
  };
  useEffect(() => view.playback.time.subscribe(put), [view]);
  useEffect(() => put(view.playback.time.peek()));
  return <i class="playhead" ref={line} hidden aria-hidden="true" />;
}
