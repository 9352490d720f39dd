//! `spanreel token`: who may ask a server that asks for tokens.

use access::{Right, Token, TokenError, TokenFile};
use chrono::DateTime;
use serde_json::json;

use super::output::{self, visible};
use crate::args::{FolderArgs, TokenArgs, TokenCommand, TokenRight, data_folder};
use crate::failure::Failure;

/// Runs the command.
pub(super) fn run(args: TokenArgs) -> Result<(), Failure> {
    match args.command {
        TokenCommand::Add {
            name,
            right,
            project,
            folder,
        } => add(&name, &right, project, &folder),
        TokenCommand::List { json, folder } => list(json, &folder),
        TokenCommand::Remove { name, folder } => remove(&name, &folder),
    }
}

fn add(
    name: &str,
    rights: &[TokenRight],
    projects: Vec<String>,
    folder: &FolderArgs,
) -> Result<(), Failure> {
    let data = data_folder(folder.data.as_deref())?;
    std::fs::create_dir_all(&data)
        .map_err(|error| Failure::Unavailable(format!("{}: {error}", data.display())))?;
    let mut rights: Vec<Right> = rights.iter().copied().map(right).collect();
    rights.sort_unstable();
    rights.dedup();
    let text = TokenFile::of(&data)
        .add(name, rights, projects)
        .map_err(failure)?;
    output::print(&text)
}

fn list(as_json: bool, folder: &FolderArgs) -> Result<(), Failure> {
    let data = data_folder(folder.data.as_deref())?;
    let tokens = TokenFile::of(&data).load().map_err(failure)?;
    if as_json {
        let list: Vec<_> = tokens
            .iter()
            .map(|token| {
                let projects = token.projects.as_deref();
                json!({
                    "name": token.name,
                    "rights": token.rights,
                    "projects": projects,
                    "created_at": created(token),
                })
            })
            .collect();
        return output::print_json(&json!(list));
    }
    if tokens.is_empty() {
        return output::print(
            "There are no tokens: `spanreel token add NAME --right RIGHT` makes one.",
        );
    }
    let lines: Vec<String> = tokens
        .iter()
        .map(|token| {
            let rights: Vec<&str> = token.rights.iter().map(|right| right.as_str()).collect();
            let projects = token.projects.as_deref().map_or_else(String::new, |names| {
                format!("  only {}", visible(&names.join(", ")))
            });
            format!(
                "{}  {}  {}{projects}",
                created(token),
                rights.join(","),
                visible(&token.name)
            )
        })
        .collect();
    output::print(&lines.join("\n"))
}

fn remove(name: &str, folder: &FolderArgs) -> Result<(), Failure> {
    let data = data_folder(folder.data.as_deref())?;
    if TokenFile::of(&data).remove(name).map_err(failure)? {
        return output::print("Removed; a running server forgets it within a second.");
    }
    Err(Failure::Usage(format!(
        "there is no token `{}`; `spanreel token list` lists them",
        visible(name)
    )))
}

fn right(right: TokenRight) -> Right {
    match right {
        TokenRight::Ingest => Right::Ingest,
        TokenRight::Read => Right::Read,
        TokenRight::Admin => Right::Admin,
    }
}

fn created(token: &Token) -> String {
    let seconds = i64::try_from(token.created_unix_s).unwrap_or_default();
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// What goes wrong with tokens, as the program says it.
pub(crate) fn failure(error: TokenError) -> Failure {
    match error {
        TokenError::Exists { .. }
        | TokenError::Name { .. }
        | TokenError::Project { .. }
        | TokenError::Limit(_) => Failure::Usage(error.to_string()),
        error => Failure::Unavailable(format!("{:#}", anyhow::Error::from(error))),
    }
}
