// The frame around every page: places, live state, overlays.

import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { connection } from "./api/live.ts";
import { keyLabel, provide, runCommand } from "./commands.ts";
import { notice, overlay } from "./state/panels.ts";
import { match, navigate, path } from "./state/route.ts";
import { dark, toggleTheme } from "./state/theme.ts";
import { FindingsPage } from "./views/findings/findings_page.tsx";
import { SessionPage } from "./views/session/session_page.tsx";
import { SessionsPage } from "./views/sessions/sessions_page.tsx";
import { Help, Palette } from "./widgets/dialogs.tsx";
import { Icon } from "./widgets/icon.tsx";
import { Skeleton } from "./widgets/states.tsx";

/** The SQL page brings its editor along, so it is fetched when it is first visited. */
function SqlPlace() {
  const [Loaded, setLoaded] = useState<ComponentType | null>(null);
  useEffect(() => void import("./views/sql/sql_page.tsx").then((module) => setLoaded(() => module.SqlPage)), []);
  return Loaded === null ? <Skeleton rows={12} label="Loading the SQL page" /> : <Loaded />;
}

function Page() {
  const at = path.value;
  if (at === "/" || at === "/sessions") return <SessionsPage />;
  if (at === "/findings") return <FindingsPage />;
  if (at === "/sql") return <SqlPlace />;
  const session = match("/replay/:id", at);
  if (session !== null) return <SessionPage key={`session ${session["id"]}`} source={{ kind: "session", id: session["id"]! }} />;
  const trace = match("/trace/:id", at);
  if (trace !== null) return <SessionPage key={`trace ${trace["id"]}`} source={{ kind: "trace", id: trace["id"]! }} />;
  return (
    <main class="page-empty">
      <h1>There is no page here</h1>
      <p class="muted">The address <code>{at}</code> is none of Spanreel's. <a href="/">All sessions</a></p>
    </main>
  );
}

const LIVE = {
  open: ["live", "New data appears by itself"],
  connecting: ["connecting", "Connecting to the live stream"],
  lost: ["not live", "The live stream is down; it is tried again every few seconds. What is on screen may be old."],
} as const;

function Place({ href, children, active }: { href: string; children: string; active: boolean }) {
  return <a href={href} class="place" aria-current={active ? "page" : undefined}>{children}</a>;
}

export function App() {
  useEffect(() => provide({
    go_sessions: () => navigate("/"),
    go_sql: () => navigate("/sql"),
    go_findings: () => navigate("/findings"),
    theme: toggleTheme,
    palette: () => (overlay.value = overlay.value === "palette" ? "none" : "palette"),
    help: () => (overlay.value = overlay.value === "help" ? "none" : "help"),
  }), []);
  const [live, explanation] = LIVE[connection.value];
  const at = path.value;
  return (
    <>
      <header class="bar">
        <a class="brand" href="/" aria-label="Spanreel, all sessions">
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><rect class="brand-a" x="1" y="2" width="14" height="2.6" rx="1.3" /><rect class="brand-b" x="1" y="6.7" width="6" height="2.6" rx="1.3" /><rect class="brand-c" x="7.5" y="11.4" width="7.5" height="2.6" rx="1.3" /></svg>
          Spanreel
        </a>
        <nav aria-label="Places">
          <Place href="/" active={at === "/" || at === "/sessions" || at.startsWith("/replay/") || at.startsWith("/trace/")}>Sessions</Place>
          <Place href="/findings" active={at === "/findings"}>Findings</Place>
          <Place href="/sql" active={at === "/sql"}>SQL</Place>
        </nav>
        <span class="grow" />
        <span class={`live live-${connection.value}`} title={explanation} role="status"><i />{live}</span>
        <button type="button" class="quiet" title="Commands and sessions" onClick={() => runCommand("palette")}><kbd>{keyLabel("Mod+k")}</kbd></button>
        <button type="button" class="quiet" aria-label="All keys" title="All keys" onClick={() => runCommand("help")}><kbd>?</kbd></button>
        <button type="button" class="quiet" aria-label={dark.value ? "Switch to light" : "Switch to dark"} title={dark.value ? "Switch to light" : "Switch to dark"} onClick={toggleTheme}>
          <Icon name={dark.value ? "sun" : "moon"} size={14} />
        </button>
      </header>
      <Page />
      {overlay.value === "help" ? <Help /> : overlay.value === "palette" ? <Palette /> : null}
      <div class="notice" role="status" aria-live="polite">{notice.value === "" ? null : <span>{notice.value}</span>}</div>
    </>
  );
}
