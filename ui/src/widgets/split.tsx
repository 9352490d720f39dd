// A divider that is dragged, or moved with the arrow keys.

import type { Signal } from "@preact/signals";

interface Props {
  width: Signal<number>;
  limits: readonly [least: number, most: number];
  /** Which side of the divider the width belongs to. */
  side: "left" | "right";
  label: string;
  /** Divides above from below; the width is then the share of the height above, in percent. */
  vertical?: boolean;
}

export function Divider({ width, limits: [least, most], side, label, vertical = false }: Props) {
  const set = (value: number) => (width.value = Math.round(Math.min(most, Math.max(least, value))));
  const onPointerDown = (event: PointerEvent) => {
    event.preventDefault();
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const place = (at: PointerEvent) => (vertical ? (at.clientY / handle.parentElement!.clientHeight) * 100 : at.clientX);
    const begun = place(event);
    const startWidth = width.peek();
    const moved = (move: PointerEvent) => set(startWidth + (place(move) - begun) * (side === "left" ? 1 : -1));
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
    const direction = event.key === (vertical ? "ArrowDown" : "ArrowRight") ? 1 : event.key === (vertical ? "ArrowUp" : "ArrowLeft") ? -1 : 0;
    if (direction === 0) return;
    event.preventDefault();
    event.stopPropagation();
    set(width.peek() + direction * (vertical ? 5 : event.shiftKey ? 64 : 16) * (side === "left" ? 1 : -1));
  };
  return (
    <div class={`divider${vertical ? " is-vertical" : ""}`} role="separator" aria-orientation={vertical ? "horizontal" : "vertical"} aria-label={label} aria-valuenow={width.value} aria-valuemin={least} aria-valuemax={most}
      tabIndex={0} data-own-arrows onPointerDown={onPointerDown} onKeyDown={onKeyDown} />
  );
}
