//! `why`.

use std::fmt::Write as _;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Mcp;
use crate::encode::percent_encoded;
use crate::mcp::answer::{Budget, Refused, Said, beginning, fitting};
use crate::recorded::line;

/// Arguments of `why`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhyArgs {
    /// The session, by the id that list_sessions shows.
    session_id: String,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

#[tool_router(router = why_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "why",
        description = "Why a recorded run failed, by fixed rules and not by a model: the mode of failure (loop, blocked, model_failure, cut_off, limit, interrupted, tool_failure, drift, stall, unfinished, context, outlier, none), a sentence, the spans that prove it in order of time, the last thing that went well before, what was wasted, and what to change."
    )]
    async fn why(&self, Parameters(args): Parameters<WhyArgs>) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let path = format!("/sessions/{}/why", percent_encoded(&args.session_id));
        let why: Json = self.get(path).await?;
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let mut lines = vec![
            format!(
                "mode: {}, status: {}",
                text(&why["mode"]),
                text(&why["status"])
            ),
            line(&text(&why["sentence"]), 1_200),
        ];
        for evidence in why["evidence"].as_array().into_iter().flatten() {
            lines.push(evidence_line("-", evidence));
        }
        if why["change"].is_object() {
            lines.push(evidence_line("before:", &why["change"]));
        }
        let mut wasted = String::new();
        for (name, unit) in [("wasted_ns", "ns"), ("wasted_tokens", "tokens")] {
            if let Some(count) = why[name].as_i64().filter(|count| *count > 0) {
                let _ = write!(wasted, " {count} {unit}");
            }
        }
        if let Some(cost) = why["wasted_cost_usd"].as_f64() {
            let _ = write!(wasted, " ${cost:.4}");
        }
        if !wasted.is_empty() {
            lines.push(format!("wasted:{wasted}"));
        }
        lines.push(format!("remedy: {}", text(&why["remedy"]["text"])));
        if let Some(configuration) = why["remedy"]["configuration"].as_str() {
            lines.push(format!("paste into {}:", text(&why["remedy"]["file"])));
            lines.extend(configuration.lines().map(str::to_owned));
        }
        let lead =
            "Verdict on a recorded session. Spans are written [span_id]; get_span shows one whole.";
        let room = budget.within(lead);
        let body = match fitting(&lines, room) {
            all if all == lines.len() => lines.join("\n"),
            _ => beginning(&lines.join("\n"), room).to_owned(),
        };
        let more = match body.len() < lines.join("\n").len() {
            true => "Cut to the budget: raise budget_tokens for the rest.",
            false => "",
        };
        Ok(Said::quoted(lead, &body, more, budget))
    }
}

fn evidence_line(mark: &str, evidence: &Json) -> String {
    format!(
        "{mark} {} [{}]",
        line(evidence["text"].as_str().unwrap_or_default(), 300),
        evidence["span"]["span_id"].as_str().unwrap_or_default()
    )
}
