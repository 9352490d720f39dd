// The filter bar: words and typed terms, completed from the fields and from the values that occur.

import { useEffect, useRef, useState } from "preact/hooks";
import { parseFilter, suggest, termProblem, type Suggestion } from "../../state/filter.ts";
import { filterText, loadValues, setFilter, values } from "../../state/sessions.ts";
import { t } from "../../strings.ts";
import { Icon } from "../../widgets/icon.tsx";

export function FilterBar() {
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [open, setOpen] = useState(false);
  const [caret, setCaret] = useState(0);
  /** -1: nothing is chosen, and Enter keeps what is typed. */
  const [at, setAt] = useState(-1);
  const text = filterText.value;
  const { from, to, list: found } = open ? suggest(text, caret, values.value) : { from: 0, to: 0, list: [] };
  const problem = parseFilter(text).filter((term) => !(open && term.from < caret && caret <= term.to)).map(termProblem).find((words) => words !== null) ?? null;

  const read = () => {
    setCaret(input.current!.selectionStart ?? 0);
    setAt(-1);
  };
  const take = (choice: Suggestion) => {
    const next = `${text.slice(0, from)}${choice.text}${choice.open ? "" : " "}${text.slice(to).trimStart()}`;
    const place = from + choice.text.length + (choice.open ? 0 : 1);
    setFilter(next);
    setAt(-1);
    setCaret(place);
    // After the value is in the field.
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place));
    setOpen(choice.open);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      if (!open) {
        setOpen(true);
        read();
      } else if (found.length > 0) setAt((at + step + found.length + (at < 0 && step < 0 ? 1 : 0)) % found.length);
    } else if (event.key === "Enter" || (event.key === "Tab" && at >= 0)) {
      const choice = found[at];
      if (choice !== undefined) {
        event.preventDefault();
        take(choice);
      } else if (event.key === "Enter") {
        setOpen(false);
        document.querySelector<HTMLElement>(".session-scroll")?.focus();
      }
    } else if (event.key === "Escape" && open && found.length > 0) {
      event.preventDefault();
      setOpen(false);
    }
  };
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const shown = open && found.length > 0;
  return (
    <div class="filter-bar">
      <label class="search-box wide">
        <Icon name="search" />
        <input id="session-filter" ref={input} type="text" autoComplete="off" spellcheck={false} role="combobox" aria-expanded={shown} aria-controls="filter-list" aria-autocomplete="list"
          aria-activedescendant={shown && at >= 0 ? `filter-${at}` : undefined} aria-label={t("Filter sessions")} aria-describedby={problem === null ? undefined : "filter-problem"}
          placeholder={t("Filter: words, tool:Bash, status:error, cost>1 …")} value={text}
          onInput={(event) => {
            setFilter(event.currentTarget.value);
            setOpen(true);
            read();
          }}
          onFocus={() => {
            loadValues();
            setOpen(true);
            read();
          }}
          onBlur={() => setOpen(false)} onClick={() => {
            setOpen(true);
            read();
          }} onKeyUp={(event) => /^(Arrow(Left|Right)|Home|End)$/.test(event.key) && read()} onKeyDown={onKeyDown} />
        {text === "" ? <kbd>/</kbd> : <button type="button" class="clear" aria-label={t("Clear the filter")} onClick={() => setFilter("")}><Icon name="error" size={10} /></button>}
      </label>
      <ul id="filter-list" class="filter-list" role="listbox" aria-label={t("What to filter by")} ref={list} hidden={!shown}>
        {found.map((item, i) => (
          <li key={item.text} id={`filter-${i}`} role="option" aria-selected={i === at} onPointerDown={(event) => {
            event.preventDefault();
            take(item);
          }}>
            <span class="clip">{item.label}</span><span class="muted">{item.about}</span>
          </li>
        ))}
      </ul>
      {problem === null ? null : <p id="filter-problem" class="filter-problem" role="status">{problem}</p>}
    </div>
  );
}
