// How each kind of finding is drawn.

const KINDS: Record<string, [icon: string, tone: string]> = {
  loop: ["loop", "loop"],
  blocked: ["denied", "denied"],
  error_streak: ["error", "error"],
  retry_storm: ["loop", "error"],
};

export function kindMark(kind: string): [icon: string, tone: string] {
  return KINDS[kind] ?? ["hook", "hook"];
}

export function kindName(kind: string): string {
  return kind.replaceAll("_", " ");
}
