// A long list of rows whose heights are known only once they are drawn. What is being read stays
// where it is when rows above it turn out taller or shorter than thought.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Heights } from "../trace/heights.ts";

interface Props {
  count: number;
  /** Changes when the rows are others than before; heights are then forgotten. */
  identity: unknown;
  keyOf: (index: number) => string | number;
  /** Pixels, before a row has been measured. */
  estimate: (index: number) => number;
  row: (index: number) => ComponentChildren;
  /** A row to bring into sight; `at` rises with each request. */
  show: { index: number; at: number };
  onSight?: (first: number, end: number) => void;
  label: string;
}

const SPARE_PX = 600;

export function MeasuredRows({ count, identity, keyOf, estimate, row, show, onSight, label }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState({ top: 0, height: 800 });
  const [, measured] = useState(0);
  const heights = useMemo(() => new Heights(count, estimate), [identity, count]);
  const observer = useRef<ResizeObserver | null>(null);
  /** The row that was brought into sight and stays where it is until somebody scrolls; -1 for none. */
  const held = useRef(-1);

  useLayoutEffect(() => {
    const element = scroller.current!;
    let frame = 0;
    const read = () => {
      frame = 0;
      setBox((old) => (old.top === element.scrollTop && old.height === element.clientHeight ? old : { top: element.scrollTop, height: element.clientHeight }));
    };
    const schedule = () => {
      if (frame === 0) frame = requestAnimationFrame(read);
    };
    read();
    element.addEventListener("scroll", schedule, { passive: true });
    const letGo = () => (held.current = -1);
    const byHand = ["wheel", "touchmove", "pointerdown"] as const;
    for (const name of byHand) element.addEventListener(name, letGo, { passive: true });
    const resized = new ResizeObserver(schedule);
    resized.observe(element);
    return () => {
      element.removeEventListener("scroll", schedule);
      for (const name of byHand) element.removeEventListener(name, letGo);
      resized.disconnect();
      cancelAnimationFrame(frame);
    };
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const own = (observer.current = new ResizeObserver((entries) => {
      let above = 0;
      let changed = false;
      for (const entry of entries) {
        const target = entry.target as HTMLElement;
        if (!target.isConnected) continue;
        const index = Number(target.dataset["index"]);
        const height = entry.borderBoxSize[0]?.blockSize ?? target.offsetHeight;
        const begins = heights.offsetOf(index);
        const delta = heights.set(index, height);
        if (delta === 0) continue;
        changed = true;
        if (held.current >= 0 ? index < held.current : begins + height - delta <= element.scrollTop) above += delta;
      }
      if (!changed) return;
      if (above !== 0) element.scrollTop += above;
      measured((n) => n + 1);
    }));
    for (const child of element.querySelectorAll<HTMLElement>("[data-index]")) own.observe(child);
    return () => own.disconnect();
  }, [heights]);

  const first = heights.indexAt(box.top - SPARE_PX);
  const end = count === 0 ? 0 : Math.min(count, heights.indexAt(box.top + box.height + SPARE_PX) + 1);
  useLayoutEffect(() => {
    const own = observer.current;
    for (const child of scroller.current!.querySelectorAll<HTMLElement>("[data-index]")) own?.observe(child);
    onSight?.(first, end);
  }, [first, end, heights]);

  // Estimates above the wanted row move it while they are replaced; a few rounds settle it.
  const rounds = useRef({ at: -1, left: 0 });
  useLayoutEffect(() => {
    const element = scroller.current!;
    if (show.index < 0 || show.index >= count) return;
    if (rounds.current.at !== show.at) {
      rounds.current = { at: show.at, left: 4 };
      held.current = show.index;
    }
    if (rounds.current.left === 0) return;
    rounds.current.left--;
    const top = heights.offsetOf(show.index);
    const bottom = top + heights.heightOf(show.index);
    const inSight = top >= element.scrollTop && Math.min(bottom, top + 80) <= element.scrollTop + element.clientHeight;
    if (!inSight) element.scrollTop = Math.max(0, top - Math.min(80, element.clientHeight / 4));
  });

  const rows = [];
  for (let index = first; index < end; index++) {
    rows.push(<div key={keyOf(index)} data-index={index} class="measured-row" style={{ top: `${heights.offsetOf(index)}px` }}>{row(index)}</div>);
  }
  return (
    <div class="measured" ref={scroller} tabIndex={0} role="feed" aria-label={label} aria-busy="false">
      <div class="measured-space" style={{ height: `${heights.total}px` }}>{rows}</div>
    </div>
  );
}
