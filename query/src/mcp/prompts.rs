//! Prompts: questions that people ask of their runs, with what is needed to answer them.

use rmcp::ErrorData;
use rmcp::model::{
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, Prompt, PromptArgument,
    PromptMessage, Role,
};
use serde_json::Value as Json;

use super::Mcp;
use super::answer::{DEFAULT_BUDGET, Refused};
use super::tools::session_digest::digest_path;
use crate::encode::query_string;

const WHY: &str = "why_did_my_last_run_fail";
const WASTE: &str = "where_do_my_runs_waste";

pub(super) fn list() -> Vec<Prompt> {
    let argument = |name: &str, description: &str| {
        PromptArgument::new(name)
            .with_description(description)
            .with_required(false)
    };
    vec![
        Prompt::new(
            WHY,
            Some("Explains the last run that went wrong, from what was recorded of it"),
            Some(vec![
                argument("harness", "Only runs of this harness, as claude-code"),
                argument("project", "Only runs of this project"),
            ]),
        )
        .with_title("Why did my last run fail?"),
        Prompt::new(
            WASTE,
            Some("Finds loops, retries and denied calls of the last days, and what to change"),
            Some(vec![argument(
                "since",
                "How far back: 24h, 7d, 4w; 7d when absent",
            )]),
        )
        .with_title("Where do my runs waste time and tokens?"),
    ]
}

pub(super) async fn get(
    mcp: &Mcp,
    request: &GetPromptRequestParams,
) -> Result<GetPromptResponse, ErrorData> {
    let argument = |name: &str| {
        let value = request.arguments.as_ref()?.get(name)?.as_str()?;
        (!value.trim().is_empty()).then(|| value.trim().to_owned())
    };
    let (question, digest) = match request.name.as_str() {
        WHY => {
            let filters = [
                ("harness", argument("harness")),
                ("project", argument("project")),
            ];
            (
                "Why did this agent run fail, and what should be changed so that the next one does not? Go by \
                 what was recorded, quoted below. Where it does not suffice, look further with the tools why, \
                 session_tree, get_span and read_payload of the server spanreel, and name the spans that prove \
                 what you say.",
                last_failure(mcp, &filters).await?,
            )
        }
        WASTE => {
            let since = argument("since").unwrap_or_else(|| "7d".to_owned());
            let path = digest_path(mcp, &[("since", since)], DEFAULT_BUDGET);
            (
                "Where did these agent runs waste time and tokens, and which change of prompts, tools or \
                 permissions would save most? Go by what was recorded, quoted below; list_findings and \
                 query_sql of the server spanreel tell more.",
                mcp.text(path).await?,
            )
        }
        name => {
            return Err(ErrorData::invalid_params(
                format!("there is no prompt {name}; prompts/list names them"),
                None,
            ));
        }
    };
    Ok(GetPromptResult::new(vec![
        PromptMessage::new_text(Role::User, question),
        PromptMessage::new_text(Role::User, digest),
    ])
    .into())
}

/// The digest of the last session that ended badly; of the last one with findings where none did.
async fn last_failure(mcp: &Mcp, filters: &[(&str, Option<String>)]) -> Result<String, Refused> {
    let failed = [
        ("status", "error"),
        ("status", "killed"),
        ("status", "interrupted"),
    ];
    for trouble in [failed.as_slice(), &[("finding", "any")]] {
        let given = filters
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let asked = given.chain(trouble.iter().copied()).chain([("limit", "1")]);
        let page: Json = mcp.get(format!("/sessions{}", query_string(asked))).await?;
        if let Some(id) = page["sessions"][0]["session_id"].as_str() {
            let path = digest_path(mcp, &[("session", id.to_owned())], DEFAULT_BUDGET);
            return mcp.text(path).await;
        }
    }
    Err(Refused(
        "no recorded session went wrong: none failed, and none has findings".to_owned(),
    ))
}
