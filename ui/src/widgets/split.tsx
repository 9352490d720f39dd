// A divider that is dragged, or moved with the arrow keys.

import type { Signal } from "@preact/signals";

interface Props {
  width: Signal<number>;
  least: number;
  most: number;
  /** Which side of the divider the width belongs to. */
  side: "left" | "right";
  label: string;
}

export function Divider({ width, least, most, side, label }: Props) {
  const set = (value: number) => (width.value = Math.round(Math.min(most, Math.max(least, value))));
  const onPointerDown = (event: PointerEvent) => {
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const startX = event.clientX;
    const startWidth = width.peek();
    const moved = (move: PointerEvent) => set(startWidth + (move.clientX - startX) * (side === "left" ? 1 : -1));
    const done = () => {
      handle.removeEventListener("pointermove", moved);
      handle.removeEventListener("pointerup", done);
      handle.removeEventListener("pointercancel", done);
    };
    handle.addEventListener("pointermove", moved);
    handle.addEventListener("pointerup", done);
    handle.addEventListener("pointercancel", done);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const direction = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (direction === 0) return;
    event.preventDefault();
    event.stopPropagation();
    set(width.peek() + direction * (event.shiftKey ? 64 : 16) * (side === "left" ? 1 : -1));
  };
  return (
    <div class="divider" role="separator" aria-orientation="vertical" aria-label={label} aria-valuenow={width.value} aria-valuemin={least} aria-valuemax={most}
      tabIndex={0} data-own-arrows onPointerDown={onPointerDown} onKeyDown={onKeyDown} />
  );
}
