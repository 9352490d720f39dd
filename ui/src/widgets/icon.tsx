// One shape per kind of act and per mark. Colour is never the only sign.

import type { ComponentChildren } from "preact";

const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round", "stroke-linejoin": "round" } as const;

const SHAPES: Record<string, ComponentChildren> = {
  session: <rect x="1" y="4.5" width="10" height="3" rx="1.5" fill="currentColor" />,
  turn: <circle cx="6" cy="6" r="3.6" fill="currentColor" />,
  agent: <path d="M6 1.2 10.8 6 6 10.8 1.2 6Z" {...line} />,
  model: <path d="M6 .8 11.2 6 6 11.2.8 6Z" fill="currentColor" />,
  tool: <rect x="1.8" y="1.8" width="8.4" height="8.4" rx="1.2" fill="currentColor" />,
  mcp: <><rect x="1.6" y="1.6" width="8.8" height="8.8" rx="1.4" {...line} /><rect x="4.2" y="4.2" width="3.6" height="3.6" rx=".5" fill="currentColor" /></>,
  hook: <path d="M2.6 11V1.4M2.6 1.8h7L7.6 4.4l2 2.6h-7Z" {...line} stroke-width="1.4" />,
  policy: <path d="M6 1.2 10 2.6v3.2c0 2.5-1.7 4.2-4 5-2.3-.8-4-2.5-4-5V2.6Z" {...line} stroke-width="1.4" />,
  guardrail: <path d="M6 1.2 10 2.6v3.2c0 2.5-1.7 4.2-4 5-2.3-.8-4-2.5-4-5V2.6Z" fill="currentColor" />,
  skill: <path d="M6 1l1.5 3.3 3.5.4-2.6 2.4.7 3.5L6 8.8 2.9 10.6l.7-3.5L1 4.7l3.5-.4Z" fill="currentColor" />,
  memory: <><ellipse cx="6" cy="2.9" rx="4.2" ry="1.7" {...line} stroke-width="1.3" /><path d="M1.8 2.9v6c0 1 1.9 1.8 4.2 1.8s4.2-.8 4.2-1.8v-6" {...line} stroke-width="1.3" /></>,
  retrieval: <><circle cx="5.2" cy="5.2" r="3.5" {...line} /><path d="m8 8 2.8 2.8" {...line} /></>,
  embedding: <><circle cx="3" cy="3" r="1.5" fill="currentColor" /><circle cx="9" cy="3" r="1.5" fill="currentColor" /><circle cx="3" cy="9" r="1.5" fill="currentColor" /><circle cx="9" cy="9" r="1.5" fill="currentColor" /></>,
  evaluation: <path d="m1.8 6.5 2.8 3L10.2 2.8" {...line} />,
  internal: <circle cx="6" cy="6" r="2" {...line} stroke-width="1.2" />,
  denied: <><circle cx="6" cy="6" r="4.6" {...line} /><path d="M3 6h6" {...line} stroke-width="1.8" /></>,
  error: <path d="m2.6 2.6 6.8 6.8m0-6.8L2.6 9.4" {...line} stroke-width="1.8" />,
  loop: <><path d="M10.3 5.1A4.5 4.5 0 1 0 10 8" {...line} /><path d="M10.9 2.2v3.2H7.7" {...line} /></>,
  running: <circle cx="6" cy="6" r="3" fill="currentColor" />,
  ok: <path d="m2.2 6.4 2.6 2.7 5-6" {...line} stroke-width="1.4" />,
  interrupted: <path d="M2.8 2.8h6.4v6.4H2.8Z" {...line} />,
  killed: <path d="M6.8 1 3 6.6h3L5.2 11 9 5.4H6Z" {...line} stroke-width="1.2" />,
  chevron: <path d="m4.2 2.2 3.8 3.8-3.8 3.8" {...line} stroke-width="1.4" />,
  sun: <><circle cx="6" cy="6" r="2.3" {...line} stroke-width="1.2" /><path d="M6 .8v1M6 10.2v1M.8 6h1M10.2 6h1M2.3 2.3l.7.7M9 9l.7.7M9.7 2.3 9 3M3 9l-.7.7" {...line} stroke-width="1.2" /></>,
  moon: <path d="M10.3 7.6A4.7 4.7 0 0 1 4.4 1.7a4.7 4.7 0 1 0 5.9 5.9Z" {...line} stroke-width="1.2" />,
  settings: <><path d="M1.2 3.4h4.3M8.5 3.4h2.3M1.2 8.6h2.3M6.5 8.6h4.3" {...line} stroke-width="1.2" /><circle cx="7" cy="3.4" r="1.5" {...line} stroke-width="1.2" /><circle cx="5" cy="8.6" r="1.5" {...line} stroke-width="1.2" /></>,
  leave: <><path d="M7.2 1.6H2.4a.8.8 0 0 0-.8.8v7.2c0 .4.4.8.8.8h4.8" {...line} stroke-width="1.2" /><path d="M4.8 6h6M8.6 3.6 11 6 8.6 8.4" {...line} stroke-width="1.2" /></>,
  left: <><rect x="1" y="1.7" width="10" height="8.6" rx="1.3" {...line} stroke-width="1.1" /><path d="M4.4 1.7v8.6" {...line} stroke-width="1.1" /></>,
  right: <><rect x="1" y="1.7" width="10" height="8.6" rx="1.3" {...line} stroke-width="1.1" /><path d="M7.6 1.7v8.6" {...line} stroke-width="1.1" /></>,
  search: <><circle cx="5.2" cy="5.2" r="3.5" {...line} stroke-width="1.2" /><path d="m8 8 2.8 2.8" {...line} stroke-width="1.2" /></>,
  play: <path d="M3 1.6v8.8L10.4 6Z" fill="currentColor" />,
  pause: <path d="M2.6 1.6h2.4v8.8H2.6ZM7 1.6h2.4v8.8H7Z" fill="currentColor" />,
  step_back: <path d="M9.6 2v8L4 6ZM2 2h1.5v8H2Z" fill="currentColor" />,
  step_forward: <path d="M2.4 2v8L8 6ZM8.5 2H10v8H8.5Z" fill="currentColor" />,
  fork: <path d="M6 11V7.2M6 7.2 2.6 3.4M6 7.2l3.4-3.8M2.4 6V3h3M9.6 6V3h-3" {...line} stroke-width="1.3" />,
  flag: <path d="M2.4 11V1.2M2.4 1.6h7.4L7.4 4.6l2.4 3H2.4Z" fill="currentColor" stroke="currentColor" stroke-width="1" stroke-linejoin="round" />,
  filter: <path d="M1.2 2h9.6L7.2 6.4v3.8L4.8 9V6.4Z" {...line} stroke-width="1.2" />,
  link: <path d="M5 7a2.3 2.3 0 0 0 3.3 0l1.7-1.7A2.3 2.3 0 0 0 6.7 2l-.6.6M7 5a2.3 2.3 0 0 0-3.3 0L2 6.7A2.3 2.3 0 0 0 5.3 10l.6-.6" {...line} stroke-width="1.2" />,
};

export function Icon({ name, label, size = 12 }: { name: string; label?: string; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 12 12" width={size} height={size} role={label === undefined ? undefined : "img"} aria-label={label} aria-hidden={label === undefined ? "true" : undefined} focusable="false">
      {label === undefined ? null : <title>{label}</title>}
      {SHAPES[name] ?? SHAPES["internal"]}
    </svg>
  );
}

/** The shape of an operation in its colour. */
export function OperationIcon({ operation }: { operation: string }) {
  return <span class={`op-icon op-${operation}`} title={operation}><Icon name={operation} /></span>;
}
