// What two runs were told and given: prompts, system prompts, the arguments where they part, the tools.

import type { Comparison, TextDifference } from "../../api/overview.ts";
import { t } from "../../strings.ts";
import { formatBytes, groupDigits, plural } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { visible } from "../../widgets/text_view.tsx";

const SIGNS = { same: " ", only_a: "−", only_b: "+", gap: "" } as const;
const TONES = { same: "same", only_a: "removed", only_b: "added", gap: "gap" } as const;
const SIDES = { same: undefined, only_a: t("only A"), only_b: t("only B"), gap: undefined } as const;

function sizes({ a_size_bytes: a, b_size_bytes: b }: TextDifference): string {
  const size = (bytes: number | null) => (bytes === null ? t("none") : formatBytes(bytes));
  return t("A {0}, B {1}", size(a), size(b));
}

function Text({ title, difference }: { title: string; difference: TextDifference }) {
  return (
    <details class="card compare-text" open={!difference.same && difference.lines.length <= 40}>
      <summary class="card-head"><b>{title}</b><span class="muted">{difference.same ? t("the same in both") : sizes(difference)}</span></summary>
      {difference.same ? null : (
        <div class="diff-scroll" tabIndex={0} role="region" aria-label={title}>
          <table class="diff no-numbers">
            <tbody>
              {difference.lines.map((line, i) => line.kind === "gap"
                ? <tr key={i} class="diff-gap"><td colSpan={2}>{line.text === "" ? "⋯" : oneLine(line.text)}</td></tr>
                : <tr key={i} class={`diff-${TONES[line.kind]}`}><td class="diff-sign" aria-label={SIDES[line.kind]}>{SIGNS[line.kind]}</td><td class="diff-text">{visible(line.text, "c")}</td></tr>)}
            </tbody>
          </table>
        </div>
      )}
      {difference.truncated ? <p class="note pad">{t("Long texts are compared by their beginning.")}</p> : null}
    </details>
  );
}

function Tools({ tools }: { tools: Comparison["tools"] }) {
  const cell = (count: number, failed: number) => <td class="num">{groupDigits(count)}{failed > 0 ? <span class="tone-error">{" "}{t("{0} failed", failed)}</span> : null}</td>;
  return (
    <details class="card compare-text">
      <summary class="card-head"><b>{t("Tools")}</b><span class="muted">{plural(tools.length, "kind")}</span></summary>
      <table class="table"><thead><tr><th scope="col">{t("Tool")}</th><th scope="col" class="num">A</th><th scope="col" class="num">B</th></tr></thead>
        <tbody>{tools.map((one) => <tr key={one.tool}><th scope="row">{oneLine(one.tool)}</th>{cell(one.a_count, one.a_failed_count)}{cell(one.b_count, one.b_failed_count)}</tr>)}</tbody>
      </table>
    </details>
  );
}

export function Differences({ comparison }: { comparison: Comparison }) {
  return (
    <section class="compare-texts" aria-label={t("What they were told and given")}>
      {comparison.divergence_input === null ? null : <Text title={t("Arguments where they part")} difference={comparison.divergence_input} />}
      {comparison.prompts.map(({ turn, difference }) => <Text key={turn} title={t("Prompt of turn {0}", turn)} difference={difference} />)}
      {comparison.context === null ? null : <Text title={t("System prompt")} difference={comparison.context} />}
      {comparison.tools.length === 0 ? null : <Tools tools={comparison.tools} />}
    </section>
  );
}
