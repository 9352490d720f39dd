// The time that Dashboard and Catalog are about: the last hours or days, or from one moment to
// another. It stands in the address as `range=7d` or `range=<from>-<until>` (Unix seconds).

export const RANGES = [
  { name: "24h", label: "24 h", seconds: 86_400 },
  { name: "7d", label: "7 days", seconds: 7 * 86_400 },
  { name: "30d", label: "30 days", seconds: 30 * 86_400 },
  { name: "90d", label: "90 days", seconds: 90 * 86_400 },
  { name: "1y", label: "1 year", seconds: 365 * 86_400 },
] as const;

export interface Range {
  /** One of RANGES, or null for a range of its own. */
  name: string | null;
  fromS: number;
  untilS: number;
}

export function readRange(text: string | null, nowS: number, fallback = "7d"): Range {
  const own = /^(\d{1,11})-(\d{1,11})$/.exec(text ?? "");
  if (own !== null && Number(own[1]) < Number(own[2])) return { name: null, fromS: Number(own[1]), untilS: Number(own[2]) };
  const known = RANGES.find((range) => range.name === text) ?? RANGES.find((range) => range.name === fallback)!;
  return { name: known.name, fromS: nowS - known.seconds, untilS: nowS };
}

export function writeRange(fromS: number, untilS: number): string {
  return `${Math.floor(fromS)}-${Math.max(Math.floor(fromS) + 1, Math.ceil(untilS))}`;
}

const STEPS_S = [60, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400];

/** A round step that cuts a range into at most `most` parts, in seconds. */
export function stepFor(fromS: number, untilS: number, most = 90): number {
  return STEPS_S.find((step) => (untilS - fromS) / step <= most) ?? Math.ceil((untilS - fromS) / most / 86_400) * 86_400;
}
