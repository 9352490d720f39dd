// How each kind of finding is drawn.

const KINDS: Record<string, [icon: string, tone: string]> = {
  loop: ["loop", "loop"],
  blocked: ["denied", "denied"],
  error_streak: ["error", "error"],
  retry_storm: ["loop", "error"],
};

/** Kinds without a drawing of their own look as grave as they are. */
export function kindMark(kind: string, severity: string | null = null): [icon: string, tone: string] {
  return KINDS[kind] ?? (severity === "error" ? ["error", "error"] : ["hook", "hook"]);
}

export function kindName(kind: string): string {
  return kind.replaceAll("_", " ");
}
