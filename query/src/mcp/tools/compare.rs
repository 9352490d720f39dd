//! `compare_sessions`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Mcp;
use crate::encode::query_string;
use crate::mcp::answer::{Budget, Refused, Said, fitting};
use crate::recorded::line;

/// Arguments of `compare_sessions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareArgs {
    /// The first session.
    a: String,
    /// The second session.
    b: String,
    /// Steps of the alignment to skip; next_offset of the answer before. 0 when absent.
    #[serde(default)]
    offset: usize,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// Figures that are put side by side.
const FIGURES: [&str; 13] = [
    "title",
    "harness",
    "harness_version",
    "status",
    "models",
    "duration_ns",
    "turn_count",
    "model_request_count",
    "tool_call_count",
    "error_count",
    "denied_count",
    "input_tokens",
    "output_tokens",
];

#[tool_router(router = compare_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "compare_sessions",
        description = "Puts two recorded runs side by side: where their tool calls part, their figures, and the calls of both aligned step by step (same, varied, only_a, only_b). Useful to see what a change of model, prompt or version did."
    )]
    async fn compare_sessions(
        &self,
        Parameters(args): Parameters<CompareArgs>,
    ) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let pair = query_string([("a", args.a.as_str()), ("b", args.b.as_str())]);
        let compared: Json = self.get(format!("/compare{pair}")).await?;
        let mut lines = vec![match compared["divergence"].as_str() {
            Some(words) => line(words, 600),
            None => "The tool calls of both agree.".to_owned(),
        }];
        if let Some(words) = compared["outcome_divergence"].as_str() {
            lines.push(line(words, 600));
        }
        for name in FIGURES {
            let (a, b) = (&compared["a"][name], &compared["b"][name]);
            lines.push(format!("{name}: {} | {}", plain(a), plain(b)));
        }
        let steps: Vec<String> = compared["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(at, step)| {
                let kind = step["kind"].as_str().unwrap_or_default();
                format!("{at} {kind}: {} | {}", call(&step["a"]), call(&step["b"]))
            })
            .collect();
        let figures = lines.len();
        lines.extend(steps.iter().skip(args.offset).cloned());
        let lead = format!(
            "Two recorded sessions, A | B, with {} aligned steps; spans are written [span_id].",
            steps.len()
        );
        let fit = fitting(&lines, budget.within(&lead));
        let next = args.offset + fit.saturating_sub(figures);
        let more = match next < steps.len() {
            true => format!("More steps: offset={next}, or a larger budget_tokens."),
            false => String::new(),
        };
        Ok(Said::quoted(&lead, &lines[..fit].join("\n"), &more, budget))
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::String(text) => line(text, 80),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            line(&items.join(", "), 120)
        }
        other => other.to_string(),
    }
}

fn call(call: &Json) -> String {
    if call.is_null() {
        return "-".to_owned();
    }
    let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let failed = if call["is_error"] == true {
        " failed"
    } else {
        ""
    };
    format!(
        "{} {}{failed} [{}]",
        line(&text("tool"), 60),
        line(&text("detail"), 100),
        call["span"]["span_id"].as_str().unwrap_or_default()
    )
}
