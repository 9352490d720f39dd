// A result as a table of virtual rows. Cells that name a place lead to it.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Json, SqlResult } from "../../api/types.ts";
import { provide } from "../../commands.ts";
import { copy } from "../../state/panels.ts";
import { t } from "../../strings.ts";
import { stringify } from "../../trace/json_text.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { TextView } from "../../widgets/text_view.tsx";
import { useSight } from "../../widgets/virtual_rows.tsx";
import { cellLink, cellText, columnWidths, isNumeric, shortText } from "./cells.ts";

const HEIGHT = 24;

function Cell({ value, link, numeric }: { value: Json; link: string | null; numeric: boolean }) {
  if (value === null) return <span class="null">{t("null")}</span>;
  const text = oneLine(shortText(value).slice(0, 400));
  return link === null ? <span class={numeric ? "num" : ""}>{text}</span> : <a href={link} tabIndex={-1}>{text}</a>;
}

function csv(result: SqlResult): string {
  const quote = (value: Json) => {
    if (value === null) return "";
    const text = typeof value === "object" ? stringify(value) : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [result.columns.map((column) => quote(column.name)), ...result.rows.map((row) => row.map(quote))].map((cells) => cells.join(",")).join("\r\n");
}

export function Results({ result }: { result: SqlResult }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [chosen, choose] = useState<{ row: number; column: number } | null>(null);
  const sight = useSight(scroller, result.rows.length, HEIGHT);
  const widths = useMemo(() => columnWidths(result), [result]);
  const names = useMemo(() => result.columns.map((column) => column.name.toLowerCase()), [result]);
  const numeric = useMemo(() => result.columns.map((column) => isNumeric(column.type)), [result]);
  useEffect(() => choose(null), [result]);
  useLayoutEffect(() => (chosen === null ? undefined : provide({ back: () => choose(null) })), [chosen === null]);
  const template = { gridTemplateColumns: widths.map((width) => `${width}ch`).join(" ") };
  const value = chosen === null ? null : (result.rows[chosen.row]?.[chosen.column] ?? null);

  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = moves[event.key];
    if (event.key === "Enter" && chosen !== null) {
      (scroller.current?.querySelector(".cell.is-selected a") as HTMLAnchorElement | null)?.click();
      return;
    }
    if (step === undefined || result.rows.length === 0) return;
    event.preventDefault();
    const row = chosen === null ? 0 : Math.min(result.rows.length - 1, Math.max(0, chosen.row + step[0]));
    const column = chosen === null ? 0 : Math.min(names.length - 1, Math.max(0, chosen.column + step[1]));
    choose({ row, column });
    const element = scroller.current!;
    if (row * HEIGHT < element.scrollTop) element.scrollTop = row * HEIGHT;
    else if ((row + 2) * HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = (row + 2) * HEIGHT - element.clientHeight;
    requestAnimationFrame(() => element.querySelector(".cell.is-selected")?.scrollIntoView({ inline: "nearest", block: "nearest" }));
  };

  if (result.columns.length === 0 || result.rows.length === 0) return <p class="note pad" role="status">{t("The query ran and returned no rows.")}</p>;
  return (
    <div class="results">
      <div class="result-scroll" ref={scroller} role="grid" tabIndex={0} data-own-arrows aria-label={t("Result")} aria-rowcount={result.rows.length + 1} aria-colcount={names.length} onKeyDown={onKeyDown}>
        <div class="result-row result-head" role="row" style={template}>
          {result.columns.map((column, i) => <span key={i} role="columnheader" class={`cell${numeric[i] ? " num" : ""}`} title={column.type.toLowerCase()}>{column.name}</span>)}
        </div>
        <div class="result-space" style={{ height: `${result.rows.length * HEIGHT}px` }}>
          {result.rows.slice(sight.first, sight.end).map((row, i) => {
            const place = sight.first + i;
            return (
              <div key={place} class="result-row" role="row" aria-rowindex={place + 2} style={{ ...template, top: `${place * HEIGHT}px` }}>
                {row.map((cell, column) => (
                  <span key={column} role="gridcell" class={`cell${numeric[column] ? " num" : ""}${chosen?.row === place && chosen.column === column ? " is-selected" : ""}`} aria-selected={chosen?.row === place && chosen.column === column}
                    onClick={() => choose({ row: place, column })}>
                    <Cell value={cell} link={cellLink(names, row, column)} numeric={numeric[column]!} />
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {chosen === null ? (
        <div class="result-foot"><button type="button" class="quiet" onClick={() => void copy(csv(result), "CSV")}>{t("Copy as CSV")}</button></div>
      ) : (
        <section class="cell-detail" aria-label={t("Cell")}>
          <header><span class="mono">{result.columns[chosen.column]!.name}</span><span class="muted mono">{t("{0} · row {1}", result.columns[chosen.column]!.type.toLowerCase(), chosen.row + 1)}</span><span class="grow" />
            <button type="button" class="quiet" onClick={() => void copy(cellText(value), t("Cell"))}>{t("Copy")}</button><button type="button" class="quiet" onClick={() => choose(null)}>{t("Close")} <kbd>Esc</kbd></button></header>
          {value === null ? <span class="null">{t("null")}</span> : <TextView text={typeof value === "object" ? stringify(value) : String(value)} json={typeof value === "object"} />}
        </section>
      )}
    </div>
  );
}
