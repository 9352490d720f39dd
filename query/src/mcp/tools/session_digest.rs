//! `session_digest`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Mcp;
use crate::encode::query_string;
use crate::mcp::answer::{Budget, Refused, Said};

/// Arguments of `session_digest`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DigestArgs {
    /// These sessions, by the ids that list_sessions shows. Without any: those that the filters leave.
    session_ids: Vec<String>,
    /// Only sessions that started then or later: a time or an age, as 2026-11-21, 24h or 7d.
    since: Option<String>,
    /// Only sessions of this harness, as claude-code or codex.
    harness: Option<String>,
    /// Only sessions with this status: running, ok, error, interrupted, killed.
    status: Option<String>,
    /// Only sessions of this project.
    project: Option<String>,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

#[tool_router(router = digest_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "session_digest",
        description = "The account of one or many recorded agent sessions that fits a budget of tokens: outcome, verdict with evidence, findings (loops, denials, error streaks), prompts and answers of turns, the acts that failed, were denied or came last, tokens and cost, files touched. What matters most comes first; what is left out is counted. Raise budget_tokens for more of it."
    )]
    async fn session_digest(
        &self,
        Parameters(args): Parameters<DigestArgs>,
    ) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let named = [
            ("since", args.since),
            ("harness", args.harness),
            ("status", args.status),
            ("project", args.project),
        ];
        let mut parameters: Vec<(&str, String)> = named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        parameters.extend(args.session_ids.into_iter().map(|id| ("session", id)));
        let path = digest_path(self, &parameters, budget.tokens());
        Ok(Said::marked(self.text(path).await?, budget))
    }
}

/// The address of a digest in the API.
pub(in crate::mcp) fn digest_path(
    mcp: &Mcp,
    parameters: &[(&str, String)],
    budget_tokens: usize,
) -> String {
    let budget = budget_tokens.to_string();
    let mut all: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    all.push(("budget_tokens", &budget));
    all.extend(mcp.links.as_deref().map(|links| ("links", links)));
    format!("/digest{}", query_string(all))
}
