// The places of the application: navigation, palette and routing come from this table.

import { match } from "./state/route.ts";
import { t } from "./strings.ts";

export interface Place {
  /** Also the command that leads there: `go_` and this. */
  id: string;
  label: string;
  href: string;
  /** Paths that belong to it. */
  paths: readonly string[];
}

export const PLACES: readonly Place[] = [
  { id: "live", label: t("Live"), href: "/live", paths: ["/live"] },
  { id: "sessions", label: t("Sessions"), href: "/", paths: ["/", "/sessions", "/replay/:id", "/trace/:id", "/compare"] },
  { id: "findings", label: t("Findings"), href: "/findings", paths: ["/findings"] },
  { id: "dashboard", label: t("Dashboard"), href: "/dashboard", paths: ["/dashboard"] },
  { id: "catalog", label: t("Catalog"), href: "/catalog", paths: ["/catalog"] },
  { id: "sql", label: "SQL", href: "/sql", paths: ["/sql"] },
  { id: "status", label: t("Status"), href: "/status", paths: ["/status"] },
  { id: "setup", label: t("Setup"), href: "/setup", paths: ["/setup"] },
  { id: "settings", label: t("Settings"), href: "/settings", paths: ["/settings"] },
];

/** The place that an address belongs to, or null. */
export function placeOf(path: string): Place | null {
  return PLACES.find((place) => place.paths.some((pattern) => pattern === path || match(pattern, path) !== null)) ?? null;
}
