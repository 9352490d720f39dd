import { t } from "../../strings.ts";

export const EXAMPLES: readonly { label: string; sql: string }[] = [
  {
    label: t("latest sessions"),
    sql: `select session_id, title, harness, status, model_request_count, tool_call_count, error_count
from sessions
order by started_at desc
limit 50`,
  },
  {
    label: t("tools by time"),
    sql: `select tool_name, count(*) as calls, sum(duration_ns) / 1e9 as seconds,
       count(*) filter (where status = 'error') as errors
from spans
where operation in ('tool', 'mcp') and tool_name is not null
group by tool_name
order by seconds desc`,
  },
  {
    label: t("loops"),
    sql: `select session_id, title, repeat_count, confidence, first_span_id
from findings
where kind = 'loop'
order by repeat_count desc`,
  },
  {
    label: t("slowest requests"),
    sql: `select session_id, trace_id, span_id, model, duration_ns / 1e9 as seconds, input_tokens, output_tokens
from spans
where operation = 'model'
order by duration_ns desc
limit 100`,
  },
  {
    label: t("denied"),
    sql: `select session_id, trace_id, span_id, tool_name, decision_source
from spans
where decision = 'deny'
order by started_at desc`,
  },
];
