//! `search_text`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Mcp;
use crate::encode::query_string;
use crate::mcp::answer::{Budget, Refused, Said, size_of};
use crate::recorded::{NOTICE, line};

/// Hits that are asked for at once.
const MAX_LIMIT: usize = 100;
/// What the object takes without its hits.
const FRAME_TOKENS: usize = 180;

/// Arguments of `search_text`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArgs {
    /// Words that one text has to hold all of, in any order; "a phrase" in double quotes, begin*,
    /// -without. Case does not matter.
    query: String,
    /// Only in this session.
    session_id: Option<String>,
    /// Only in acts of this kind: model, tool, agent, turn, hook …
    operation: Option<String>,
    /// Only in calls of this tool.
    tool: Option<String>,
    /// Only in sessions of this harness.
    harness: Option<String>,
    /// Only acts that started then or later: a time or an age, as 2026-11-21, 24h or 7d.
    since: Option<String>,
    /// next_cursor of the answer before, with the same other arguments.
    cursor: Option<String>,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// Some hits.
#[derive(Debug, Serialize, JsonSchema)]
struct SearchPage {
    notice: &'static str,
    /// Acts that answer in all.
    total: i64,
    hits: Vec<Hit>,
    /// Asks for the next hits; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// An act that holds what was looked for.
#[derive(Debug, Serialize, JsonSchema)]
struct Hit {
    session_id: Option<String>,
    trace_id: String,
    span_id: String,
    started_at: String,
    operation: String,
    name: String,
    /// Which of its texts: prompt, input, output, event, name.
    part: String,
    /// The text around what was found.
    passage: String,
    /// read_payload reads the whole text by it.
    payload_hash: Option<String>,
}

#[tool_router(router = search_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "search_text",
        description = "Full-text search over everything that recorded agents were asked, said, called and got back: prompts, completions, arguments, results. Each hit has the passage, the span that holds it and the hash of the whole text. Latest first; next_cursor asks for more.",
        output_schema = rmcp::handler::server::tool::schema_for_output::<SearchPage>()
    )]
    async fn search_text(&self, Parameters(args): Parameters<SearchArgs>) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        if args.query.trim().is_empty() {
            return Err(Refused("query holds the words to look for".to_owned()));
        }
        let parameters = [
            ("q", Some(args.query)),
            ("session", args.session_id),
            ("operation", args.operation),
            ("tool", args.tool),
            ("harness", args.harness),
            ("since", args.since),
            ("cursor", args.cursor),
        ];
        let given: Vec<(&str, &str)> = parameters
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .collect();
        let page = self.hits(&given, MAX_LIMIT).await?;
        let mut left = budget.tokens() - FRAME_TOKENS;
        let fit = page
            .hits
            .iter()
            .take_while(|hit| {
                let size = size_of(hit) + 1;
                let fits = size <= left;
                left = left.saturating_sub(size);
                fits
            })
            .count();
        // The cursor of a page is that of its last hit: a shorter page is asked for anew.
        let page = match fit == page.hits.len() {
            true => page,
            false => self.hits(&given, fit.max(1)).await?,
        };
        Said::object(&page, budget)
    }
}

impl Mcp {
    async fn hits(&self, parameters: &[(&str, &str)], limit: usize) -> Result<SearchPage, Refused> {
        let limit = limit.to_string();
        let all = parameters.iter().copied().chain([("limit", &*limit)]);
        let answer: Json = self.get(format!("/search{}", query_string(all))).await?;
        let hits = answer["hits"].as_array();
        Ok(SearchPage {
            notice: NOTICE,
            total: answer["total"].as_i64().unwrap_or(0),
            hits: hits.into_iter().flatten().map(hit).collect(),
            next_cursor: answer["next_cursor"].as_str().map(str::to_owned),
        })
    }
}

fn hit(hit: &Json) -> Hit {
    let text = |name: &str, chars| line(hit[name].as_str().unwrap_or_default(), chars);
    let id = |name: &str| hit[name].as_str().map(str::to_owned);
    Hit {
        session_id: id("session_id"),
        trace_id: id("trace_id").unwrap_or_default(),
        span_id: id("span_id").unwrap_or_default(),
        started_at: text("started_at", 40),
        operation: text("operation", 20),
        name: text("name", 80),
        part: text("part", 20),
        passage: line(hit["passage"]["text"].as_str().unwrap_or_default(), 400),
        payload_hash: id("payload_hash"),
    }
}
