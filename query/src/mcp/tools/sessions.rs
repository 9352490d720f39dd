//! `list_sessions`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Mcp;
use crate::encode::query_string;
use crate::mcp::answer::{Budget, Refused, Said, size_of};
use crate::recorded::{NOTICE, line};
use crate::time::{now_ns, parse_when};

/// Sessions that are asked for at once.
const MAX_LIMIT: usize = 200;
/// What the object takes without its sessions.
const FRAME_TOKENS: usize = 150;

/// Arguments of `list_sessions`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionsArgs {
    /// Only sessions with this text in title, id, harness, host, project, model or tool names, tags.
    text: Option<String>,
    /// Only with one of these: running, ok, error, interrupted, killed.
    status: Vec<String>,
    /// Only of one of these harnesses, as claude-code or codex.
    harness: Vec<String>,
    /// Only with one of these agents or subagents in it.
    agent: Vec<String>,
    /// Only of one of these projects.
    project: Vec<String>,
    /// Only with one of these models used.
    model: Vec<String>,
    /// Only with one of these tools called.
    tool: Vec<String>,
    /// Only with one of these MCP servers used.
    mcp_server: Vec<String>,
    /// Only with one of these kinds of finding (loop, blocked, error_streak, …), or any.
    finding: Vec<String>,
    /// Only with one of these tags.
    tag: Vec<String>,
    /// Only sessions that started then or later: a time or an age, as 2026-11-21, 24h or 7d.
    since: Option<String>,
    /// Children of this session in place of top-level ones.
    parent_session_id: Option<String>,
    /// activity (when absent: the latest first), started, duration, turns, tokens, cost, errors,
    /// findings; largest first.
    sort: Option<String>,
    /// next_cursor of the page before, with the same other arguments.
    cursor: Option<String>,
    /// Most sessions of a page; as many as fit the budget when absent.
    limit: Option<usize>,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// A page of sessions.
#[derive(Debug, Serialize, JsonSchema)]
struct SessionsPage {
    notice: &'static str,
    sessions: Vec<SessionLine>,
    /// Asks for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
struct SessionLine {
    session_id: String,
    title: Option<String>,
    status: String,
    harness: Option<String>,
    project: Option<String>,
    started_at: String,
    duration_seconds: f64,
    turn_count: i64,
    tool_call_count: i64,
    error_count: i64,
    denied_count: i64,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: Option<f64>,
    finding_kinds: Vec<String>,
}

#[tool_router(router = sessions_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "list_sessions",
        description = "Lists or searches recorded agent sessions with their figures: status, harness, project, turns, tool calls, errors, denials, tokens, cost, kinds of findings. Filters combine. The latest come first unless sorted otherwise; next_cursor asks for more. To search what was said, use search_text.",
        output_schema = rmcp::handler::server::tool::schema_for_output::<SessionsPage>()
    )]
    async fn list_sessions(
        &self,
        Parameters(args): Parameters<SessionsArgs>,
    ) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let since = match &args.since {
            None => None,
            Some(since) => {
                let from_ns = parse_when(since, now_ns()).ok_or_else(|| {
                    Refused("since is a time or an age, as 2026-11-21, 24h or 7d".to_owned())
                })?;
                Some(from_ns.to_string())
            }
        };
        let lists = [
            ("status", &args.status),
            ("harness", &args.harness),
            ("agent", &args.agent),
            ("project", &args.project),
            ("model", &args.model),
            ("tool", &args.tool),
            ("mcp", &args.mcp_server),
            ("finding", &args.finding),
            ("tag", &args.tag),
        ];
        let single = [
            ("q", &args.text),
            ("from_ns", &since),
            ("parent", &args.parent_session_id),
            ("sort", &args.sort),
            ("cursor", &args.cursor),
        ];
        let mut parameters: Vec<(&str, &str)> = lists
            .iter()
            .flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())))
            .collect();
        parameters.extend(
            single
                .iter()
                .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
        );
        let limit = args.limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
        let page = self.page(&parameters, limit).await?;
        let mut left = budget.tokens() - FRAME_TOKENS;
        let fit = page
            .sessions
            .iter()
            .take_while(|session| {
                let size = size_of(session) + 1;
                let fits = size <= left;
                left = left.saturating_sub(size);
                fits
            })
            .count();
        // The cursor of a page is that of its last session: a shorter page is asked for anew.
        let page = match fit == page.sessions.len() {
            true => page,
            false => self.page(&parameters, fit.max(1)).await?,
        };
        Said::object(&page, budget)
    }
}

impl Mcp {
    async fn page(
        &self,
        parameters: &[(&str, &str)],
        limit: usize,
    ) -> Result<SessionsPage, Refused> {
        let limit = limit.to_string();
        let all = parameters.iter().copied().chain([("limit", &*limit)]);
        let answer: Json = self.get(format!("/sessions{}", query_string(all))).await?;
        let sessions = answer["sessions"].as_array();
        Ok(SessionsPage {
            notice: NOTICE,
            sessions: sessions.into_iter().flatten().map(session_line).collect(),
            next_cursor: answer["next_cursor"].as_str().map(str::to_owned),
        })
    }
}

fn session_line(row: &Json) -> SessionLine {
    let short = |name: &str, chars| row[name].as_str().map(|text| line(text, chars));
    let count = |name: &str| row[name].as_i64().unwrap_or(0);
    let kinds = row["finding_kinds"].as_array();
    SessionLine {
        session_id: row["session_id"].as_str().unwrap_or_default().to_owned(),
        title: short("title", 80),
        status: row["status"].as_str().unwrap_or_default().to_owned(),
        harness: short("harness", 40),
        project: short("project", 60),
        started_at: short("started_at", 19).map_or_else(String::new, |time| time.replace('…', "Z")),
        duration_seconds: (count("duration_ns") / 1_000_000) as f64 / 1e3,
        turn_count: count("turn_count"),
        tool_call_count: count("tool_call_count"),
        error_count: count("error_count"),
        denied_count: count("denied_count"),
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        cost_usd: row["cost_usd"].as_f64(),
        finding_kinds: kinds
            .into_iter()
            .flatten()
            .filter_map(|kind| Some(kind.as_str()?.to_owned()))
            .collect(),
    }
}
