// The page that an export is: one session, replayed from the recording inside it.

import { render } from "preact";
import { useLayoutEffect } from "preact/hooks";
import "./style/tokens.css";
import "./style/contrast.css";
import "./style/base.css";
import { Recording, recording, replay } from "./api/recording.ts";
import { keyLabel, provide, runCommand, startHotkeys } from "./commands.ts";
import { startClock, toggleTimeStyle, toggleZone } from "./state/clock.ts";
import { notice, overlay, railOpen } from "./state/panels.ts";
import { match, navigate, path, sessionLink, startRouter } from "./state/route.ts";
import { dark, startTheme, toggleContrast, toggleTheme } from "./state/theme.ts";
import { t } from "./strings.ts";
import { formatTime } from "./trace/format.ts";
import { SessionPage } from "./views/session/session_page.tsx";
import { Help } from "./widgets/dialogs.tsx";
import { Icon } from "./widgets/icon.tsx";

function Page({ home }: { home: string }) {
  const session = match("/replay/:id", path.value);
  if (session !== null) return <SessionPage key={session["id"]!} source={{ kind: "session", id: session["id"]! }} />;
  return (
    <main class="page-empty">
      <h1>{t("This is not part of the recording")}</h1>
      <p><a href={home}>{t("The recorded session")}</a></p>
    </main>
  );
}

function Replay() {
  const { about } = recording()!;
  const home = sessionLink(about.session_id);
  useLayoutEffect(() => provide({
    theme: toggleTheme,
    contrast: toggleContrast,
    time_zone: toggleZone,
    time_style: toggleTimeStyle,
    help: () => (overlay.value = overlay.value === "help" ? "none" : "help"),
  }), []);
  return (
    <>
      <header class="bar">
        <a class="brand" href={home}><span class="brand-name">Spanreel</span></a>
        <span class="muted clip">{t("Recording of a session, exported {0}. It needs no server and no network.", formatTime(about.exported_at))}</span>
        <span class="grow" />
        <button type="button" class="quiet help-button" title={t("All keys")} onClick={() => runCommand("help")}><span class="sr-only">{t("All keys")} </span><kbd>{keyLabel("?")}</kbd></button>
        <button type="button" class="quiet" aria-label={dark.value ? t("Switch to light") : t("Switch to dark")} onClick={toggleTheme}><Icon name={dark.value ? "sun" : "moon"} size={14} /></button>
      </header>
      <p class="left-out note" role="note">
        {about.left_out.length === 0
          ? t("Nothing was left out of this file: it holds every prompt, argument, result and attribute of the session.")
          : t("Left out of this file: {0}.", about.left_out.join("; "))}
      </p>
      <Page home={home} />
      {overlay.value === "help" ? <Help /> : null}
      <div class="notice" role="status" aria-live="polite">{notice.value === "" ? null : <span>{notice.value}</span>}</div>
    </>
  );
}

async function start(): Promise<void> {
  const data = document.getElementById("recording")?.textContent ?? "";
  replay(await Recording.unpack(data));
  startTheme();
  startClock();
  startRouter();
  startHotkeys();
  railOpen.value = false;
  if (match("/replay/:id", path.value) === null) navigate(sessionLink(recording()!.about.session_id), { replace: true });
  render(<Replay />, document.getElementById("app")!);
}

start().catch((cause: unknown) => {
  document.getElementById("app")!.textContent = `The recording in this file cannot be read: ${String(cause)}`;
});
