// A moment, told in the zone and style that the reader chose.

import { fullTime, tellTime } from "../state/clock.ts";

export function Time({ iso }: { iso: string }) {
  return <time dateTime={iso} title={fullTime(iso)}>{tellTime(iso)}</time>;
}
