// The frame around every page: places, live state, overlays.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { access, signOut } from "./api/access.ts";
import { connection } from "./api/live.ts";
import { keyLabel, provide, runCommand } from "./commands.ts";
import { PLACES, placeOf } from "./places.ts";
import { toggleTimeStyle, toggleZone } from "./state/clock.ts";
import { notice, overlay } from "./state/panels.ts";
import { match, navigate, path } from "./state/route.ts";
import { listHref } from "./state/sessions.ts";
import { dark, toggleContrast, toggleTheme } from "./state/theme.ts";
import { t } from "./strings.ts";
import { FindingsPage } from "./views/findings/findings_page.tsx";
import { LivePage } from "./views/live/live_page.tsx";
import { SessionPage } from "./views/session/session_page.tsx";
import { SessionsPage } from "./views/sessions/sessions_page.tsx";
import { SettingsPage } from "./views/settings/settings_page.tsx";
import { SessionDialog } from "./views/sessions/session_dialogs.tsx";
import { SetupPage } from "./views/setup/setup_page.tsx";
import { CatalogPage } from "./views/catalog/catalog_page.tsx";
import { ComparePage } from "./views/compare/compare_page.tsx";
import { Help } from "./widgets/dialogs.tsx";
import { Icon } from "./widgets/icon.tsx";
import { Palette } from "./widgets/palette.tsx";
import { Skeleton } from "./widgets/states.tsx";

/** A page that brings an editor or charts along, fetched when it is first visited. */
function later(load: () => Promise<ComponentType>, label: string): ComponentType {
  let known: ComponentType | null = null;
  return function Later() {
    const [Loaded, setLoaded] = useState<ComponentType | null>(() => known);
    useEffect(() => {
      if (known === null) void load().then((component) => setLoaded(() => (known = component)));
    }, []);
    return Loaded === null ? <main class="page"><Skeleton rows={12} label={label} /></main> : <Loaded />;
  };
}

const SqlPlace = later(async () => (await import("./views/sql/sql_page.tsx")).SqlPage, "Loading the SQL page");
const StatusPlace = later(async () => (await import("./views/status/status_page.tsx")).StatusPage, t("Loading the status"));
const DashboardPlace = later(async () => (await import("./views/dashboard/dashboard_page.tsx")).DashboardPage, "Loading the dashboard");

function Page() {
  const at = path.value;
  const session = match("/replay/:id", at);
  if (session !== null) return <SessionPage key={`session ${session["id"]}`} source={{ kind: "session", id: session["id"]! }} />;
  const trace = match("/trace/:id", at);
  if (trace !== null) return <SessionPage key={`trace ${trace["id"]}`} source={{ kind: "trace", id: trace["id"]! }} />;
  if (at === "/compare") return <ComparePage />;
  switch (placeOf(at)?.id) {
    case "live": return <LivePage />;
    case "sessions": return <SessionsPage />;
    case "findings": return <FindingsPage />;
    case "dashboard": return <DashboardPlace />;
    case "catalog": return <CatalogPage />;
    case "sql": return <SqlPlace />;
    case "status": return <StatusPlace />;
    case "setup": return <SetupPage />;
    case "settings": return <SettingsPage />;
    default: return (
      <main class="page-empty">
        <h1>{t("There is no page here")}</h1>
        <p class="muted">{t("No page of Spanreel has the address {0}. A session is at {1}, a trace at {2}.", <code>{at}</code>, <code>/replay/…</code>, <code>/trace/…</code>)}</p>
        <p><a href="/">{t("All sessions")}</a></p>
      </main>
    );
  }
}

const LIVE = {
  open: [t("live"), t("New data appears by itself")],
  connecting: [t("connecting"), t("Connecting to the live stream")],
  lost: [t("not live"), t("The live stream is down; it is tried again every few seconds. What is on screen may be old.")],
} as const;

export function App() {
  useLayoutEffect(() => provide({
    ...Object.fromEntries(PLACES.map((place) => [`go_${place.id}`, () => navigate(place.id === "sessions" ? listHref.peek() : place.href)])),
    theme: toggleTheme,
    contrast: toggleContrast,
    time_zone: toggleZone,
    time_style: toggleTimeStyle,
    palette: () => (overlay.value = overlay.value === "palette" ? "none" : "palette"),
    help: () => (overlay.value = overlay.value === "help" ? "none" : "help"),
  }), []);
  const signedIn = access.value?.is_signed_in === true;
  useLayoutEffect(() => (signedIn ? provide({ sign_out: () => void signOut() }) : undefined), [signedIn]);
  const [live, explanation] = LIVE[connection.value];
  const here = placeOf(path.value);
  useEffect(() => {
    // A session names itself.
    if (!/^\/(replay|trace)\//.test(path.value)) document.title = here === null ? "Spanreel" : `${here.label} · Spanreel`;
  }, [path.value]);
  return (
    <>
      <header class="bar">
        <a class="brand" href={listHref.value} aria-label={t("Spanreel, all sessions")}>
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><rect class="brand-a" x="1" y="2" width="14" height="2.6" rx="1.3" /><rect class="brand-b" x="1" y="6.7" width="6" height="2.6" rx="1.3" /><rect class="brand-c" x="7.5" y="11.4" width="7.5" height="2.6" rx="1.3" /></svg>
          <span class="brand-name">Spanreel</span>
        </a>
        <nav aria-label={t("Places")}>
          {PLACES.filter((place) => place.id !== "settings").map((place) => (
            <a key={place.id} href={place.id === "sessions" ? listHref.value : place.href} class="place" aria-current={here === place ? "page" : undefined}>{place.label}</a>
          ))}
        </nav>
        <span class="grow" />
        <span class={`live live-${connection.value}`} title={explanation} role="status"><i /><span class="live-word">{live}</span></span>
        <button type="button" class="quiet" title={t("Commands and sessions")} onClick={() => runCommand("palette")}><span class="sr-only">{t("Commands and sessions")}{" "}</span><kbd>{keyLabel("Mod+k")}</kbd></button>
        <button type="button" class="quiet help-button" title={t("All keys")} onClick={() => runCommand("help")}><span class="sr-only">{t("All keys")}{" "}</span><kbd>?</kbd></button>
        <button type="button" class="quiet" aria-label={dark.value ? t("Switch to light") : t("Switch to dark")} title={dark.value ? t("Switch to light") : t("Switch to dark")} onClick={toggleTheme}>
          <Icon name={dark.value ? "sun" : "moon"} size={14} />
        </button>
        {signedIn ? <button type="button" class="quiet" aria-label={t("Sign out")} title={t("Sign out")} onClick={() => runCommand("sign_out")}><Icon name="leave" size={14} /></button> : null}
        <a class="quiet" href="/settings" aria-label={t("Settings")} title={t("Settings")} aria-current={here?.id === "settings" ? "page" : undefined}><Icon name="settings" size={14} /></a>
      </header>
      <Page />
      <SessionDialog />
      {overlay.value === "help" ? <Help /> : overlay.value === "palette" ? <Palette /> : null}
      <div class="notice" role="status" aria-live="polite">{notice.value === "" ? null : <span>{notice.value}</span>}</div>
    </>
  );
}
