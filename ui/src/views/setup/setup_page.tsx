// What to set for each harness, and whether its data arrives.

import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { getCheckups, getSetup, type Checkup, type HarnessSetup } from "../../api/setup.ts";
import { provide } from "../../commands.ts";
import { copy } from "../../state/panels.ts";
import { navigate, query } from "../../state/route.ts";
import { changes } from "../../state/sessions.ts";
import { writeTerm } from "../../state/filter.ts";
import { t } from "../../strings.ts";
import { groupDigits, plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { visit } from "../../widgets/range_picker.tsx";
import { Failure, Skeleton } from "../../widgets/states.tsx";
import { Time } from "../../widgets/time.tsx";
import { useAnswer } from "../../widgets/use_answer.ts";
import { ArrivalNow, ConnectGuide, Snippet } from "./connect_guide.tsx";
import "./setup.css";

const PACE_MS = 3000;

function exportsOf(harness: HarnessSetup): string {
  return harness.environment.map(({ name, value }) => `export ${name}=${/[^\w./:,=-]/.test(value) ? `'${value.replaceAll("'", "'\\''")}'` : value}`).join("\n");
}

/** Why each setting is there, where somebody wants to know. */
function Why({ items }: { items: [name: string, why: string][] }) {
  const known = items.filter(([, why]) => why !== "");
  if (known.length === 0) return null;
  return (
    <details class="why">
      <summary>{t("What each setting is for")}</summary>
      <dl>{known.map(([name, why], i) => <div key={i}><dt class="mono">{name}</dt><dd>{why}</dd></div>)}</dl>
    </details>
  );
}

function Health({ checkup }: { checkup: Checkup }) {
  const signals = checkup.signals.filter((signal) => signal.record_count > 0);
  return (
    <section class="health" aria-label={t("What arrives")}>
      <p class="arrival has-data"><i /><span><a class="plain-link" href={`/?${new URLSearchParams({ q: writeTerm("harness", ":", checkup.harness) })}`}>{plural(checkup.session_count, "session")}</a> {t("of {0}, the last act {1}. It sends {2}.", oneLine(checkup.harness), <Time iso={checkup.last_at} />, signals.map((signal) => `${groupDigits(signal.record_count)} ${signal.signal}`).join(", "))}</span></p>
      {checkup.gaps.length === 0 ? <p class="note whole"><span class="tone-running"><Icon name="ok" /></span> {t("All that it can send arrives.")}</p> : (
        <ul class="gaps">
          {checkup.gaps.map((gap) => (
            <li key={gap.what}>
              <b>{oneLine(gap.what)}</b>{gap.of > 0 ? <span class="muted">{" "}{t("{0} of {1}", groupDigits(gap.count), groupDigits(gap.of))}</span> : null}
              {gap.fix === null ? <p class="note">{t("It has no switch for this.")}</p> : <p>{gap.fix}</p>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Details({ harness, checkup }: { harness: HarnessSetup; checkup: Checkup | undefined }) {
  return (
    <article class="setup-details">
      <h2>{harness.name}</h2>
      <p class="setup-summary">{harness.summary}</p>
      {checkup === undefined ? <p class="arrival"><i class="pulse" />{t("Nothing of {0} has arrived yet; this changes by itself when it does.", harness.name)}</p> : <Health checkup={checkup} />}
      {harness.environment.length === 0 ? null : (
        <>
          <Snippet title={t("Environment")} about={t("of the process that runs it")} text={exportsOf(harness)} />
          <Why items={harness.environment.map(({ name, why }) => [name, why])} />
        </>
      )}
      {harness.files.map((file) => (
        <div key={`${file.path} ${file.purpose}`}>
          <Snippet title={file.path} about={t("{0}{1}; put this beside what is there", file.purpose === "hooks" ? t("hooks") : t("telemetry"), file.folder_variable === null ? "" : t("; ${0} names another folder", file.folder_variable))} text={file.text} />
          <Why items={file.changes.map(({ path, why }) => [path.join("."), why])} />
        </div>
      ))}
      {harness.code === null ? null : <Snippet title={t("Code")} about={harness.code.language} text={harness.code.text} />}
      {harness.notes.length === 0 ? null : <ul class="setup-notes">{harness.notes.map((note) => <li key={note}>{note}</li>)}</ul>}
      <p class="note">{t("The same on the command line: {0}.", <code>spanreel setup {harness.id}</code>)}</p>
    </article>
  );
}

/** The checkup of a harness: by its name, or by the name that its sessions begin with. */
function checkupOf(harness: HarnessSetup, checkups: readonly Checkup[]): Checkup | undefined {
  return checkups.find((checkup) => checkup.harness === harness.id) ?? checkups.find((checkup) => checkup.harness.startsWith(harness.id));
}

function Mark({ checkup }: { checkup: Checkup }) {
  return checkup.gaps.length > 0
    ? <span class="tone-hook" title={t("Data arrives; {0} could be added", plural(checkup.gaps.length, "thing"))}><Icon name="interrupted" size={9} label={t("arrives, not whole")} /></span>
    : <span class="tone-running" title={t("Data arrives")}><Icon name="ok" size={10} label={t("arrives")} /></span>;
}

export function SetupPage() {
  const [round, setRound] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setRound(changes.value), PACE_MS);
    return () => clearTimeout(timer);
  }, [changes.value]);
  const setup = useAnswer("setup", getSetup);
  const checkups = useAnswer(`checkups ${round}`, getCheckups);
  const list = setup.data ?? [];
  // What arrives without settings of its own here: frameworks and programs that send OTLP as they are.
  const others = (checkups.data ?? []).filter((checkup) => !list.some((harness) => checkupOf(harness, [checkup]) !== undefined));
  const wanted = query.value.get("for");
  const other = others.find((checkup) => checkup.harness === wanted);
  const current = list.find((harness) => harness.id === wanted) ?? list[0];
  const go = (step: number) => {
    const next = list[list.findIndex((harness) => harness === current) + step];
    if (next !== undefined) visit({ for: next.id }, true);
  };
  useLayoutEffect(() => provide({ next: () => go(1), previous: () => go(-1), copy_link: () => void copy(location.href, t("Link")), back: () => navigate("/") }), [current, list]);
  // A server that has no list of settings: what every sender needs still holds.
  if (setup.failure?.status === 404) return <main class="page"><ConnectGuide title={t("Setup")} /></main>;
  return (
    <main class="page setup">
      <div class="page-head"><h1>{t("Setup")}</h1><ArrivalNow /></div>
      {setup.failure === null ? null : <Failure error={setup.failure} what={t("The settings could not be read")} retry={setup.again} />}
      {checkups.failure === null || setup.failure !== null ? null : <Failure error={checkups.failure} what={t("What arrives could not be read")} retry={checkups.again} />}
      {setup.data === null ? (setup.failure === null ? <Skeleton rows={12} height={32} label={t("Loading the settings")} /> : null) : (
        <div class="setup-columns">
          <nav class="setup-list" aria-label={t("Harnesses and SDKs")}>
            {list.map((harness) => {
              const checkup = checkupOf(harness, checkups.data ?? []);
              return (
                <a key={harness.id} href={`/setup?for=${harness.id}`} aria-current={other === undefined && harness === current ? "true" : undefined}>
                  <span class="clip">{harness.name}</span>
                  {checkup === undefined ? null : <Mark checkup={checkup} />}
                </a>
              );
            })}
            {others.length === 0 ? null : <h2 class="setup-others">{t("Also arriving")}</h2>}
            {others.map((checkup) => <a key={checkup.harness} href={`/setup?${new URLSearchParams({ for: checkup.harness })}`} aria-current={checkup === other ? "true" : undefined}><span class="clip">{oneLine(checkup.harness)}</span><Mark checkup={checkup} /></a>)}
          </nav>
          <div class="page-scroll" tabIndex={0} role="region" aria-label={other?.harness ?? current?.name ?? t("Settings")}>{other !== undefined ? <article class="setup-details"><h2>{oneLine(other.harness)}</h2><Health checkup={other} /></article> : current === undefined ? null : <Details harness={current} checkup={checkupOf(current, checkups.data ?? [])} />}</div>
        </div>
      )}
    </main>
  );
}
