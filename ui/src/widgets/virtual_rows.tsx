// Which rows of a fixed height are in sight. The caller draws them; nothing else is in the page.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";

export interface Sight {
  first: number;
  /** One past the last. */
  end: number;
  top: number;
  height: number;
}

const SPARE = 6;

export function useSight(scroller: RefObject<HTMLElement | null>, count: number, rowHeight: number): Sight {
  const [box, setBox] = useState({ top: 0, height: 800 });
  const frame = useRef(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const read = () => {
      frame.current = 0;
      setBox((old) => (old.top === element.scrollTop && old.height === element.clientHeight ? old : { top: element.scrollTop, height: element.clientHeight }));
    };
    const schedule = () => {
      if (frame.current === 0) frame.current = requestAnimationFrame(read);
    };
    read();
    element.addEventListener("scroll", schedule, { passive: true });
    const observer = new ResizeObserver(schedule);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", schedule);
      observer.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [scroller]);
  const top = Math.min(box.top, Math.max(0, count * rowHeight - box.height));
  return {
    first: Math.max(0, Math.floor(top / rowHeight) - SPARE),
    end: Math.min(count, Math.ceil((top + box.height) / rowHeight) + SPARE),
    top,
    height: box.height,
  };
}

/** Scrolls just enough to show a row, with some rows of context around it. */
export function showRow(element: HTMLElement, place: number, rowHeight: number, above = 2, below = 2): void {
  const top = place * rowHeight;
  const wanted = element.clientHeight > (above + below + 3) * rowHeight ? { above: above * rowHeight, below: below * rowHeight } : { above: 0, below: 0 };
  if (top - wanted.above < element.scrollTop) element.scrollTop = top - wanted.above;
  else if (top + rowHeight + wanted.below > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight + wanted.below - element.clientHeight;
}
