//! `list_findings`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Mcp;
use crate::encode::query_string;
use crate::mcp::answer::{Budget, Refused, Said, size_of};
use crate::recorded::{NOTICE, line};

/// Findings that the API gives at once.
const MAX_FINDINGS: usize = 5_000;
/// What the object takes without its findings.
const FRAME_TOKENS: usize = 120;

/// Arguments of `list_findings`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FindingsArgs {
    /// Only of this session.
    session_id: Option<String>,
    /// Only of this kind: loop, drift, blocked, error_streak, retry_storm, …
    kind: Option<String>,
    /// Findings to skip; next_offset of the answer before. 0 when absent.
    offset: usize,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// Some findings.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingsPage {
    notice: &'static str,
    findings: Vec<FindingLine>,
    /// Asks for what comes next; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingLine {
    session_id: String,
    kind: String,
    severity: String,
    confidence: String,
    detector: String,
    title: String,
    explanation: String,
    trace_id: Option<String>,
    first_span_id: Option<String>,
    last_span_id: Option<String>,
    repeat_count: i64,
    wasted_ns: i64,
    wasted_tokens: i64,
    wasted_cost_usd: Option<f64>,
    /// The pattern can still grow.
    open: bool,
}

#[tool_router(router = findings_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "list_findings",
        description = "What detectors found in recorded runs: loops, drift, blocked actions, error streaks, retry storms, full contexts and more, each with severity, confidence (certain or likely), explanation, first and last span, repeats and what they wasted. Last changed first; next_offset asks for more.",
        output_schema = rmcp::handler::server::tool::schema_for_output::<FindingsPage>()
    )]
    async fn list_findings(
        &self,
        Parameters(args): Parameters<FindingsArgs>,
    ) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let limit = MAX_FINDINGS.to_string();
        let parameters = [
            ("session_id", args.session_id.as_deref()),
            ("kind", args.kind.as_deref()),
            ("limit", Some(limit.as_str())),
        ];
        let given = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let answer: Json = self
            .get(format!("/findings{}", query_string(given)))
            .await?;
        let all = answer["findings"].as_array().cloned().unwrap_or_default();
        let mut left = budget.tokens() - FRAME_TOKENS;
        let mut page = FindingsPage {
            notice: NOTICE,
            findings: Vec::new(),
            next_offset: None,
        };
        for (at, finding) in all.iter().enumerate().skip(args.offset) {
            let shown = finding_line(finding);
            let size = size_of(&shown) + 1;
            if size > left {
                page.next_offset = Some(at);
                break;
            }
            left -= size;
            page.findings.push(shown);
        }
        Said::object(&page, budget)
    }
}

fn finding_line(finding: &Json) -> FindingLine {
    let text = |name: &str, chars| line(finding[name].as_str().unwrap_or_default(), chars);
    let id = |name: &str| finding[name].as_str().map(str::to_owned);
    let count = |name: &str| finding[name].as_i64().unwrap_or(0);
    FindingLine {
        session_id: id("session_id").unwrap_or_default(),
        kind: text("kind", 40),
        severity: text("severity", 20),
        confidence: text("confidence", 20),
        detector: text("detector", 40),
        title: text("title", 160),
        explanation: text("explanation", 500),
        trace_id: finding["span_ids"][0]["trace_id"]
            .as_str()
            .map(str::to_owned),
        first_span_id: id("first_span_id"),
        last_span_id: id("last_span_id"),
        repeat_count: count("repeat_count"),
        wasted_ns: count("wasted_ns"),
        wasted_tokens: count("wasted_tokens"),
        wasted_cost_usd: finding["wasted_cost_usd"].as_f64(),
        open: finding["open"] == true,
    }
}
