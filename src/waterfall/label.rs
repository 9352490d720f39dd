//! What a row reads: a name and one muted line.

use std::collections::HashMap;

use super::fold::Folds;
use super::table::SpanTable;

/// The user's prompt of each turn of the session itself.
pub(crate) type Prompts = HashMap<i64, String>;

/// A name and one muted line, both on one line and as the sender wrote them: not yet fit for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) detail: String,
}

/// What a row reads.
pub(crate) fn label(table: &SpanTable, row: usize, prompts: &Prompts) -> Label {
    let (name, detail) = parts(table, row, prompts);
    let name = one_line(&name);
    Label {
        name: if name.is_empty() {
            "unnamed".to_owned()
        } else {
            name
        },
        detail: one_line(&detail),
    }
}

/// What a closed group reads: the first member, and the last one's detail where they differ.
pub(crate) fn group_label(
    table: &SpanTable,
    folds: &Folds,
    leader: usize,
    prompts: &Prompts,
) -> Label {
    let mut first = label(table, leader, prompts);
    if let Some(last) = folds.members(leader).last() {
        let last = label(table, *last, prompts);
        for (first, last) in [
            (&mut first.name, last.name),
            (&mut first.detail, last.detail),
        ] {
            if *first != last && !last.is_empty() {
                *first = format!("{first} … {last}");
            }
        }
    }
    first
}

fn parts(table: &SpanTable, row: usize, prompts: &Prompts) -> (String, String) {
    let columns = &table.columns;
    let name = table.string(columns.name_s[row]);
    let detail = table.string(columns.detail_s[row]);
    let named = |own: &str| {
        let own = if own.is_empty() { name } else { own };
        (own.to_owned(), without_name(detail, own).to_owned())
    };
    match table.operation(row) {
        "turn" => {
            let turn = columns.turn[row];
            let is_own = table
                .session_id
                .as_deref()
                .is_none_or(|id| id == table.session(row));
            let prompt = prompts.get(&turn).filter(|_| is_own && detail.is_empty());
            let said = prompt.map_or(detail, String::as_str).to_owned();
            let name = match turn {
                1.. => format!("turn {turn}"),
                _ if name.is_empty() => "turn".to_owned(),
                _ => name.to_owned(),
            };
            (name, said)
        }
        "model" | "embedding" => named(table.string(columns.model_s[row])),
        "tool" | "mcp" | "skill" => {
            let (tool, rest) = named(table.string(columns.tool_s[row]));
            let server = table.string(columns.mcp_server_s[row]);
            match (server.is_empty() || rest.contains(server), rest.is_empty()) {
                (true, _) => (tool, rest),
                (false, true) => (tool, server.to_owned()),
                (false, false) => (tool, format!("{server} · {rest}")),
            }
        }
        "agent" => {
            let (agent, rest) = named(table.string(columns.agent_s[row]));
            if table.is_subagent_root(row) && !agent.to_lowercase().contains("agent") {
                return (format!("subagent {agent}"), rest);
            }
            (agent, rest)
        }
        "policy" => {
            let decision = match columns.decision[row] {
                1 => "allowed",
                2 => "denied",
                3 => "asked",
                _ if detail.is_empty() => return (name.to_owned(), String::new()),
                _ => return (detail.to_owned(), String::new()),
            };
            let tool = table.string(columns.tool_s[row]);
            let rest = without_name(detail, tool);
            let said: Vec<&str> = [tool, rest]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect();
            (decision.to_owned(), said.join(" · "))
        }
        // The name is the emitter's word for the record; what matters is which hook, and what it said.
        "hook" if !detail.is_empty() => (detail.to_owned(), String::new()),
        _ => named(name),
    }
}

/// The part of the muted line that does not repeat the name.
pub(crate) fn without_name<'a>(detail: &'a str, name: &str) -> &'a str {
    match detail.strip_prefix(name) {
        Some(rest) if !name.is_empty() => {
            rest.trim_start_matches(|c: char| c.is_whitespace() || "·:,–-".contains(c))
        }
        _ => detail,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
