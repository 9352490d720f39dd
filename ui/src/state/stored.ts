// Signals that outlive the page, kept in localStorage.

import { effect, signal, type Signal } from "@preact/signals";

const borrowing = new WeakSet<object>();

/** Gives a stored signal a value for as long as the page is open: what is stored stays. */
export function borrow<T>(state: Signal<T>, value: T): void {
  if (state.peek() === value) return;
  borrowing.add(state);
  state.value = value;
}

export function stored<T extends string | number | boolean>(key: string, initial: T): Signal<T> {
  const name = `spanreel.${key}`;
  let value: T = initial;
  try {
    const text = localStorage.getItem(name);
    const parsed: unknown = text === null ? initial : JSON.parse(text);
    if (typeof parsed === typeof initial) value = parsed as T;
  } catch {
    // Storage may be off or hold something else; the initial value serves.
  }
  const state = signal<T>(value);
  let first = true;
  effect(() => {
    const text = JSON.stringify(state.value);
    if (first) {
      first = false;
      return;
    }
    if (borrowing.delete(state)) return;
    try {
      localStorage.setItem(name, text);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
  return state;
}
