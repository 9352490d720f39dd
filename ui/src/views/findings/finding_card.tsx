// One finding: what, how sure, what it cost, and the acts that show it.

import type { Finding } from "../../api/types.ts";
import { sessionLink } from "../../state/route.ts";
import { t } from "../../strings.ts";
import { formatCost, formatCount, formatDuration } from "../../trace/format.ts";
import { oneLine } from "../../trace/payload_text.ts";
import { Icon } from "../../widgets/icon.tsx";
import { Time } from "../../widgets/time.tsx";
import { kindMark } from "./kinds.ts";

export function FindingCard({ finding, compact = false, onSpan }: { finding: Finding; compact?: boolean; onSpan?: (index: number) => void }) {
  const [icon, tone] = kindMark(finding.kind, finding.severity);
  const cost: string[] = [];
  if (finding.repeat_count > 1) cost.push(`×${finding.repeat_count}`);
  if (finding.wasted_ns > 0) cost.push(`${formatDuration(finding.wasted_ns)} spent`);
  if (finding.wasted_tokens > 0) cost.push(`${formatCount(finding.wasted_tokens)} tok`);
  if (finding.wasted_cost_usd !== null && finding.wasted_cost_usd > 0) cost.push(formatCost(finding.wasted_cost_usd));
  const shown = finding.span_ids.slice(0, 40);
  return (
    <article class={`finding edge-${tone}`}>
      <h2><span class={`tone-${tone}`}><Icon name={icon} label={finding.kind} /></span>{oneLine(finding.title)}</h2>
      <p>{oneLine(finding.explanation)}</p>
      <p class="finding-facts">
        {cost.length === 0 ? null : <span>{cost.join(" · ")}</span>}
        <span title={t("Detector {0}", finding.detector)}>{finding.confidence}</span>
        {finding.open ? <span class="running-text">{t("still going on")}</span> : null}
        {compact ? null : <Time iso={finding.detected_at} />}
        {compact || onSpan !== undefined || finding.session_title === undefined ? null : <a href={sessionLink(finding.session_id)}>{oneLine(finding.session_title ?? finding.session_id)}</a>}
      </p>
      {compact ? null : (
        <p class="finding-spans">
          {shown.map((span, i) => onSpan === undefined
            ? <a key={i} class="mono" href={sessionLink(finding.session_id, span)} title={t("Span {0}", span.span_id)}>{i + 1}</a>
            : <button key={i} type="button" class="link mono" title={t("Span {0}", span.span_id)} onClick={() => onSpan(i)}>{i + 1}</button>)}
          {finding.span_ids.length > shown.length ? <span class="muted">{t("and {0} more", finding.span_ids.length - shown.length)}</span> : null}
        </p>
      )}
    </article>
  );
}
