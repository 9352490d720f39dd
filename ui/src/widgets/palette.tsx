// The palette: commands, sessions, and acts by what was said, from one line of typing.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { recording } from "../api/recording.ts";
import { questionOf, searchText, type SearchHit } from "../api/search.ts";
import { available, runCommand } from "../commands.ts";
import { navigate, sessionLink } from "../state/route.ts";
import { shownRows } from "../state/sessions.ts";
import { t } from "../strings.ts";
import { plural } from "../trace/format.ts";
import { oneLine, titleOf } from "../trace/payload_text.ts";
import { closeOverlay, Dialog, Keys } from "./dialogs.tsx";
import { OperationIcon } from "./icon.tsx";

interface Choice {
  id: string;
  label: ComponentChildren;
  hint: string;
  keys: string | null;
  run: () => void;
}

/** A piece of a text on one line, with the spaces that part it from its neighbours. */
function piece(text: string): string {
  const shown = oneLine(text);
  return `${/^\s/.test(text) ? " " : ""}${shown}${shown !== "" && /\s$/.test(text) ? " " : ""}`;
}

/** The text around what was found, with what was found marked. */
function Found({ hit }: { hit: SearchHit }) {
  const icon = <OperationIcon operation={hit.operation} />;
  if (hit.passage === null) return <>{icon}{oneLine(hit.tool_name ?? hit.model ?? hit.name)}</>;
  // Places count characters, as the API does, not UTF-16 units.
  const chars = [...hit.passage.text];
  const parts: ComponentChildren[] = [];
  const first = hit.passage.highlights[0]?.[0] ?? 0;
  let at = Math.max(0, first - LEAD);
  if (at > 0 || hit.passage.cut_before) parts.push("…");
  for (const [from, to] of hit.passage.highlights) {
    if (from < at) continue;
    parts.push(piece(chars.slice(at, from).join("")), <mark key={from}>{oneLine(chars.slice(from, to).join(""))}</mark>);
    at = to;
  }
  parts.push(piece(chars.slice(at, at + 160).join("")));
  return <>{icon}{parts}</>;
}

/** Characters shown before the first word that was found. */
const LEAD = 24;
const SEARCH_WAIT_MS = 200;
/** What was just recorded is found a moment after it is listed: the question is asked again so often. */
const ASK_AGAIN_MS = 2000;
const HITS_SHOWN = 12;

/** Acts of all sessions that say what is typed, a moment after typing stops. */
function useFoundActs(text: string): { hits: readonly SearchHit[]; total: number } {
  const [found, setFound] = useState<{ hits: readonly SearchHit[]; total: number }>({ hits: [], total: 0 });
  useEffect(() => {
    const abort = new AbortController();
    if (text.trim().length < 3 || recording() !== null) {
      setFound({ hits: [], total: 0 });
      return;
    }
    let timer: ReturnType<typeof setTimeout>;
    const ask = () =>
      searchText(questionOf(text), { limit: HITS_SHOWN }, abort.signal).then(
        (answer) => {
          setFound(answer);
          timer = setTimeout(ask, ASK_AGAIN_MS);
        },
        // Words that are no question yet find nothing.
        () => abort.signal.aborted || setFound({ hits: [], total: 0 }),
      );
    timer = setTimeout(ask, SEARCH_WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return found;
}

export function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const found = useFoundActs(text);
  const commands = useMemo(() => available().filter((command) => command.id !== "palette" && command.id !== "back"), []);
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const fits = (label: string) => words.every((word) => label.toLowerCase().includes(word));
  const start = words.join(" ");
  const rank = (label: string) => (label.toLowerCase().startsWith(start) ? 0 : ` ${label.toLowerCase()}`.includes(` ${start}`) ? 1 : 2);
  const choices: Choice[] = [
    ...commands.filter((command) => fits(`${command.label} ${command.group}`)).sort((a, b) => rank(a.label) - rank(b.label)).map((command) => ({
      id: command.id,
      label: command.label,
      hint: t(command.group),
      keys: command.keys[0] ?? null,
      run: () => runCommand(command.id),
    })),
    ...shownRows.value.filter((row) => fits(`${row.title ?? ""} ${row.session_id} ${row.harness ?? ""} ${row.project ?? ""}`)).slice(0, 30).map((row) => ({
      id: row.session_id,
      label: titleOf(row),
      hint: [row.harness, row.project].filter(Boolean).join(" · "),
      keys: null,
      run: () => navigate(sessionLink(row.session_id)),
    })),
    ...found.hits.map((hit) => ({
      id: `${hit.trace_id}:${hit.span_id}`,
      label: <Found hit={hit} />,
      hint: oneLine(hit.session_title ?? hit.session_id ?? ""),
      keys: null,
      run: () => navigate(hit.href),
    })),
  ];
  const current = Math.min(at, choices.length - 1);
  const choose = (choice: Choice | undefined) => {
    if (choice === undefined) return;
    closeOverlay();
    // The dialog gives the focus back first, so that a command can take it.
    setTimeout(choice.run, 0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = Math.min(choices.length - 1, Math.max(0, current + step));
      setAt(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(choices[current]);
    }
  };
  return (
    <Dialog label={t("Commands and sessions")} close={closeOverlay}>
      <div class="palette">
        <input autoFocus type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={`palette-${current}`} aria-label={t("Command, session, or words that were said")}
          placeholder={t("Command, session, or words that were said…")} value={text} onKeyDown={onKeyDown}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }} />
        <ul id="palette-list" role="listbox" ref={list} aria-label={t("Commands and sessions")}>
          {choices.map((choice, i) => (
            <li key={choice.id} id={`palette-${i}`} role="option" aria-selected={i === current} onClick={() => choose(choice)} onPointerMove={() => i !== current && setAt(i)}>
              <span class="clip palette-label">{choice.label}</span>
              <span class="muted clip">{choice.hint}</span>
              {choice.keys === null ? null : <Keys keys={choice.keys} />}
            </li>
          ))}
        </ul>
        {found.total > found.hits.length ? <p class="note palette-note" role="status">{t("{0} say so; the latest {1} are shown", plural(found.total, "act"), found.hits.length)}</p> : null}
        {choices.length === 0 ? <p class="note">{t("Nothing by that name.")}</p> : null}
      </div>
    </Dialog>
  );
}
