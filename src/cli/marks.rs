//! `spanreel annotate`, `spanreel tag`, `spanreel delete` and `spanreel private`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use super::answer::{rows, text};
use super::format::shortened;
use super::output::{self, Heading};
use super::source::{Api, percent_encoded};
use crate::args::{AnnotateArgs, DeleteArgs, PrivateArgs, TagArgs};
use crate::failure::Failure;

/// Sessions that one request deletes at most.
const DELETED_AT_ONCE: usize = 1_000;

pub(super) async fn annotate(args: AnnotateArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let done = annotate_with(&api, &args).await;
    api.close().await?;
    done
}

async fn annotate_with(api: &Api, args: &AnnotateArgs) -> Result<(), Failure> {
    let session_id = api.session_id(&args.session_id).await?;
    let session = format!("/sessions/{}", percent_encoded(&session_id));
    let (trace_id, span_id) = args.span.clone().unzip();
    if let Some(name) = &args.checkpoint {
        let body = json!({
            "name": name, "trace_id": trace_id, "span_id": span_id, "author": args.author,
        });
        let path = format!("{session}/checkpoints");
        let answer = api.send("POST", &path, Some(&body)).await?;
        return tell(&answer, args.json, &format!("Checkpoint {name} set."));
    }
    if let Some(id) = &args.remove {
        let path = format!("{session}/annotations/{}", percent_encoded(id));
        api.send("DELETE", &path, None).await?;
        return tell(&Value::Null, args.json, "Taken back.");
    }
    let verdict = match (args.good, args.wrong) {
        (true, _) => Some("good"),
        (_, true) => Some("wrong"),
        _ => None,
    };
    if verdict.is_none() && args.comment.is_none() {
        return list(api, &session, args.json).await;
    }
    let body = json!({
        "session_id": session_id, "trace_id": trace_id, "span_id": span_id,
        "turn": args.turn, "verdict": verdict, "comment": args.comment, "author": args.author,
    });
    let answer = api.send("POST", "/annotations", Some(&body)).await?;
    let id = text(&answer["annotation_id"]);
    tell(&answer, args.json, &format!("Noted as {id}."))
}

async fn list(api: &Api, session: &str, as_json: bool) -> Result<(), Failure> {
    let answer = api.get(&format!("{session}/annotations"), &[]).await?;
    let annotations = &answer["annotations"];
    if as_json {
        return output::print_json(annotations);
    }
    if rows(annotations).is_empty() {
        return output::print("Nobody has said anything of it yet.");
    }
    let headings = ["id", "verdict", "turn", "span", "author", "comment"].map(Heading::text);
    let row = |one: &Value| {
        vec![
            text(&one["annotation_id"]),
            text(&one["verdict"]),
            one["turn"]
                .as_i64()
                .map_or_else(String::new, |turn| turn.to_string()),
            text(&one["span_id"]),
            text(&one["author"]),
            shortened(&text(&one["comment"]), 200),
        ]
    };
    output::print(&output::table(
        &headings,
        rows(annotations).iter().map(row).collect(),
    ))
}

pub(super) async fn tag(args: TagArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let answer = tag_with(&api, &args).await;
    api.close().await?;
    let answer = answer?;
    let tags: Vec<String> = rows(&answer["tags"]).iter().map(text).collect();
    let said = if tags.is_empty() {
        "No tags.".to_owned()
    } else {
        output::visible(&tags.join(", "))
    };
    tell(&answer, args.json, &said)
}

async fn tag_with(api: &Api, args: &TagArgs) -> Result<Value, Failure> {
    let session = api.session_id(&args.session_id).await?;
    let path = format!("/sessions/{}/tags", percent_encoded(&session));
    let body = json!({ "add": args.tags, "remove": args.remove });
    api.send("POST", &path, Some(&body)).await
}

pub(super) async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let done = if args.allow {
        allow(&api, &args).await
    } else {
        delete_with(&api, &args).await
    };
    api.close().await?;
    done
}

async fn allow(api: &Api, args: &DeleteArgs) -> Result<(), Failure> {
    for id in &args.session_ids {
        let path = format!("/deleted-sessions/{}", percent_encoded(id));
        api.send("DELETE", &path, None).await?;
    }
    let said = "Its records are let in again; send or import them once more.";
    tell(&Value::Null, args.json, said)
}

async fn delete_with(api: &Api, args: &DeleteArgs) -> Result<(), Failure> {
    // All must be there before any is deleted: a mistyped id deletes nothing.
    let ids = api.session_ids(&args.session_ids).await?;
    if !args.yes && !is_confirmed(&titles(api, &ids).await?)? {
        return output::print("Nothing was deleted.");
    }
    let mut deleted = Value::Null;
    for some in ids.chunks(DELETED_AT_ONCE) {
        let body = json!({ "session_ids": some });
        let answer = api.send("POST", "/sessions/delete", Some(&body)).await?;
        deleted = sum(deleted, answer);
    }
    let count = |name: &str| deleted[name].as_i64().unwrap_or_default();
    let said = format!(
        "Deleted {} sessions: {} spans, {} events, {} texts that no other session holds.",
        rows(&deleted["session_ids"]).len(),
        count("span_count"),
        count("event_count"),
        count("payload_count")
    );
    tell(&deleted, args.json, &said)
}

/// A line for each session: its id, its title, and how many it started.
async fn titles(api: &Api, ids: &[String]) -> Result<Vec<String>, Failure> {
    let columns = "session_id, title, \
        (select count(*) from sessions c where c.parent_session_id = s.session_id)";
    let found = api.of_sessions(columns, ids).await?;
    let line = |row: &Vec<Value>| match row.as_slice() {
        [id, title, children] => {
            let title = shortened(&text(title), 60);
            format!("  {}  {title} (+{})", text(id), text(children))
        }
        _ => String::new(),
    };
    Ok(found.iter().map(line).collect())
}

/// What two answers to a deletion say together.
fn sum(before: Value, answer: Value) -> Value {
    let (mut all, answer) = match (before, answer) {
        (Value::Object(all), Value::Object(answer)) => (all, answer),
        (_, answer) => return answer,
    };
    for (name, value) in answer {
        match (all.get_mut(&name), value) {
            (Some(Value::Array(ids)), Value::Array(more)) => ids.extend(more),
            (Some(count), value) => {
                *count = json!(count.as_i64().unwrap_or(0) + value.as_i64().unwrap_or(0));
            }
            (None, value) => drop(all.insert(name, value)),
        }
    }
    Value::Object(all)
}

pub(super) async fn make_private(args: PrivateArgs) -> Result<(), Failure> {
    let api = Api::open(&args.source).await?;
    let done = make_private_with(&api, &args).await;
    api.close().await?;
    done
}

async fn make_private_with(api: &Api, args: &PrivateArgs) -> Result<(), Failure> {
    let ids = match args.coming {
        true => args.session_ids.clone(),
        false => api.session_ids(&args.session_ids).await?,
    };
    let listed: Vec<String> = ids.iter().map(|id| format!("  {id}")).collect();
    if !args.yes && !is_confirmed(&listed)? {
        return output::print("Nothing was changed.");
    }
    let mut answers = Vec::new();
    for id in &ids {
        let path = format!("/sessions/{}/private", percent_encoded(id));
        answers.push(api.send("POST", &path, None).await?);
    }
    let deleted: usize = answers
        .iter()
        .map(|answer| rows(&answer["session_ids"]).len())
        .sum();
    let said = format!(
        "Private: {} deleted, and what comes of {} later is left out.",
        counted(deleted, "session"),
        if ids.len() == 1 { "it" } else { "them" }
    );
    tell(&Value::Array(answers), args.json, &said)
}

/// A number and a noun.
fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Asks on the terminal.
fn is_confirmed(titles: &[String]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "deleting asks first, and there is no terminal to ask on: say --yes".to_owned(),
        ));
    }
    let mut out = io::stderr().lock();
    let question = format!(
        "These sessions, with those that they started (+), will be deleted for good:\n{}\nDelete? [y/N] ",
        output::visible(&titles.join("\n"))
    );
    let asked = out
        .write_all(question.as_bytes())
        .and_then(|()| out.flush());
    output::written(asked)?;
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer).is_err() {
        return Ok(false);
    }
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn tell(answer: &Value, as_json: bool, said: &str) -> Result<(), Failure> {
    if as_json {
        output::print_json(answer)
    } else {
        output::print(said)
    }
}
