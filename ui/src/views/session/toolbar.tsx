// The switches of the session page: which view, replay, what is found, what is left out.

import { keyLabel, runCommand } from "../../commands.ts";
import { inspectorShown, railOpen } from "../../state/panels.ts";
import type { MainTab } from "../../state/session_address.ts";
import type { SessionView } from "../../state/session_view.ts";
import { t } from "../../strings.ts";
import { groupDigits } from "../../trace/format.ts";
import { countKinds, KINDS, QUIET, type Kind } from "../../trace/kinds.ts";
import { Icon, OperationIcon } from "../../widgets/icon.tsx";
import { PlayButtons } from "./scrubber.tsx";

const KIND_NAMES: Record<Kind, string> = { model: t("Model requests"), tool: t("Tools"), mcp: t("MCP tools"), agent: t("Agents"), hook: t("Hooks and policies"), other: t("Others") };

function Switch({ on, label, hint, command }: { on: boolean; label: string; hint: string; command: string }) {
  return <button type="button" class="switch" aria-pressed={on} title={hint} onClick={() => runCommand(command)}>{label}</button>;
}

function KindFilter({ view }: { view: SessionView }) {
  const left = view.left.value;
  const counts = countKinds(view.table.value!, view.plumbing.value!.mask);
  const toggle = (kind: string) => {
    const next = new Set(left);
    if (!next.delete(kind)) next.add(kind);
    view.left.value = next;
  };
  return (
    <details class="menu" onToggle={(event) => {
      if (event.currentTarget.open) event.currentTarget.querySelector("input")?.focus();
    }} onKeyDown={(event) => {
      if (event.key !== "Escape" || !event.currentTarget.open) return;
      event.stopPropagation();
      event.currentTarget.open = false;
      event.currentTarget.querySelector("summary")?.focus();
    }} onFocusOut={(event) => {
      if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
    }}>
      <summary class={`switch${left.size > 0 ? " is-on" : ""}`} title={t("Which kinds of acts are shown")}><Icon name="filter" /><span class="wide-only">{left.size > 0 ? t("filtered") : t("filter")}</span></summary>
      <div class="menu-body">
        {KINDS.filter((kind) => (counts.get(kind) ?? 0) > 0).map((kind) => (
          <label key={kind}><input type="checkbox" checked={!left.has(kind)} onChange={() => toggle(kind)} /><OperationIcon operation={kind === "other" ? "internal" : kind} />{KIND_NAMES[kind]}<span class="count">{groupDigits(counts.get(kind)!)}</span></label>
        ))}
        <label><input type="checkbox" checked={left.has(QUIET)} onChange={() => toggle(QUIET)} /><span class="tone-error"><Icon name="error" /></span>{t("Only errors, denials and findings")}</label>
        {left.size > 0 ? <button type="button" class="link" onClick={() => (view.left.value = new Set())}>{t("Show all")}</button> : null}
      </div>
    </details>
  );
}

function Search({ view }: { view: SessionView }) {
  const hits = view.matches.value;
  const state = view.content.state.value;
  const hint = state === "failed" ? t("Only names were searched: the server could not search what was said") : view.content.truncated.value ? t("The first 20,000 of what was said and all names") : t("In names and in what was said: words, \"a phrase\", begin*, -without");
  return (
    <label class="search-box">
      <Icon name="search" />
      <input id="row-search" type="search" placeholder={t("Search")} aria-label={t("Search names, commands, files, models and what was said")} value={view.search.value}
        onInput={(event) => (view.search.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          view.nextMatch(event.shiftKey ? -1 : 1);
        }} />
      {hits === null ? null : <span class={`search-count${state === "searching" ? " is-waiting" : ""}`} role="status" title={hint}>{groupDigits(hits.count)}{state === "failed" ? "!" : ""}</span>}
    </label>
  );
}

export function Toolbar({ view }: { view: SessionView }) {
  const found = view.findings.value.length;
  const current = view.mainTab.value;
  const waterfall = current === "waterfall" || current === "both";
  const tab = (id: MainTab, label: string, count = 0) => (
    <button type="button" role="tab" aria-selected={current === id} onClick={() => runCommand(`view_${id}`)}>{label}{count > 0 ? <span class="count">{count}</span> : null}</button>
  );
  return (
    <div class="toolbar">
      <button type="button" class="quiet" aria-label={t("Session list")} aria-pressed={railOpen.value} title={t("Session list {0}", keyLabel("["))} onClick={() => runCommand("rail")}><Icon name="left" size={14} /></button>
      <div class="tabs" role="tablist" aria-label={t("Views")}>
        {tab("waterfall", "Waterfall")}{tab("transcript", "Transcript")}{tab("both", "Both")}{tab("findings", "Findings", found)}
      </div>
      <span class="grow" />
      <PlayButtons view={view} />
      <Search view={view} />
      <KindFilter view={view} />
      {waterfall ? (
        <>
          {view.idle.value.length > 0 ? <Switch on={view.compress.value} label={t("idle ⌁")} hint={t("Draws stretches where nothing runs short (i)")} command="idle" /> : null}
          <Switch on={view.folding.value} label="×n" hint={t("Folds neighbours that say the same again (s)")} command="fold" />
          <Switch on={view.critical.value} label={t("path")} hint={t("Marks the critical path: what everything waited for (p)")} command="critical" />
        </>
      ) : null}
      <div class="segmented" role="group" aria-label={t("Which rows")}>
        <button type="button" aria-pressed={!view.audit.value} title={t("The acts, without plumbing and duplicates (d)")} onClick={() => (view.audit.value = false)}>{t("Dev")}</button>
        <button type="button" aria-pressed={view.audit.value} title={t("Every span as it was reported (d)")} onClick={() => (view.audit.value = true)}>{t("Audit")}</button>
      </div>
      <button type="button" class="quiet" aria-label={t("Inspector")} aria-pressed={inspectorShown(view.selectedRow.value >= 0)} title={t("Inspector {0}", keyLabel("]"))} onClick={() => runCommand("inspector")}><Icon name="right" size={14} /></button>
    </div>
  );
}
