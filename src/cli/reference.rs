//! What people write for a session or a span: an id, the beginning of one, or `last`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::answer::{rows, text};
use super::output::visible;
use super::source::Server;
use crate::failure::Failure;

/// How many candidates an ambiguous beginning lists.
const CANDIDATES: usize = 5;
/// Ids that are asked for together.
const IDS_AT_ONCE: usize = 500;
/// As far back as `@N` reaches: one page of the API.
const MOST_BACK: usize = 1000;

impl Server {
    /// The id of the session that `reference` means: an id, the beginning of exactly one, `last` for the
    /// session with the latest activity, `@2` for the one before it, as `spanreel sessions` lists them.
    ///
    /// # Errors
    /// [`Failure::Usage`] when no session or more than one is meant.
    pub(crate) async fn session_id(&self, reference: &str) -> Result<String, Failure> {
        self.known_session(reference).await?.ok_or_else(|| {
            Failure::Usage(format!(
                "there is no session {}: `spanreel sessions` lists them",
                shown(reference)
            ))
        })
    }

    /// As [`Self::session_id`] for many, in order, each once: whole ids are asked for together.
    ///
    /// # Errors
    /// As [`Self::session_id`].
    pub(crate) async fn session_ids(&self, references: &[String]) -> Result<Vec<String>, Failure> {
        let whole = self
            .of_sessions("session_id", references)
            .await?
            .into_iter()
            .filter_map(|row| row.first().map(text))
            .collect::<HashSet<String>>();
        let mut ids = Vec::new();
        for reference in references {
            let is_whole = place_from_newest(reference)?.is_none() && whole.contains(reference);
            ids.push(match is_whole {
                true => reference.clone(),
                false => self.session_id(reference).await?,
            });
        }
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        Ok(ids)
    }

    /// What `columns` of the relation `sessions` say of each of these ids that is there.
    pub(super) async fn of_sessions(
        &self,
        columns: &str,
        ids: &[String],
    ) -> Result<Vec<Vec<Value>>, Failure> {
        let mut rows = Vec::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            let places = vec!["?"; some.len()].join(", ");
            let sql = format!("select {columns} from sessions s where session_id in ({places})");
            rows.extend(self.rows(&sql, json!(some)).await?);
        }
        Ok(rows)
    }

    /// As [`Self::session_id`], where a session may be named that has not begun: what none is called, and
    /// none begins with, is the id of one.
    ///
    /// # Errors
    /// [`Failure::Usage`] when there are no sessions so far back, or more than one is meant.
    pub(super) async fn coming_session_id(&self, reference: &str) -> Result<String, Failure> {
        let known = self.known_session(reference).await?;
        Ok(known.unwrap_or_else(|| reference.to_owned()))
    }

    async fn known_session(&self, reference: &str) -> Result<Option<String>, Failure> {
        if let Some(place) = place_from_newest(reference)? {
            return self.nth_session(place).await.map(Some);
        }
        let sql = "select session_id from sessions where starts_with(session_id, ?)
            order by session_id <> ?, started_at desc limit ?";
        let params = json!([reference, reference, CANDIDATES + 1]);
        let found = self.rows(sql, params).await?;
        let ids: Vec<String> = found
            .iter()
            .filter_map(|row| row.first().map(text))
            .collect();
        match ids.as_slice() {
            [first, ..] if first == reference => Ok(Some(first.clone())),
            [one] => Ok(Some(one.clone())),
            [] => Ok(None),
            many => Err(ambiguous("session", reference, many)),
        }
    }

    async fn nth_session(&self, place: usize) -> Result<String, Failure> {
        let answer = self
            .get("/sessions", &[("limit", Some(place.to_string()))])
            .await?;
        let sessions = rows(&answer["sessions"]);
        match sessions.get(place - 1) {
            Some(session) => Ok(text(&session["session_id"])),
            None if sessions.is_empty() => Err(Failure::Usage(
                "nothing is recorded yet: `spanreel demo` sends something to look at".to_owned(),
            )),
            None => Err(Failure::Usage(format!(
                "there are only {} sessions",
                sessions.len()
            ))),
        }
    }

    /// Trace id and span id of the span that is meant: `first` is a trace and `second` a span, or `first`
    /// alone is a span, or `TRACE/SPAN`. Each may be the beginning of an id as long as one span is meant.
    ///
    /// # Errors
    /// [`Failure::Usage`] when no span or more than one is meant.
    pub(crate) async fn span_place(
        &self,
        first: &str,
        second: Option<&str>,
    ) -> Result<(String, String), Failure> {
        let first = first.to_lowercase();
        let (trace, span) = match (second, first.split_once('/')) {
            (Some(span), _) => (first, span.to_lowercase()),
            (None, Some((trace, span))) => (trace.to_owned(), span.to_owned()),
            (None, None) => (String::new(), first),
        };
        let sql = "select distinct trace_id, span_id from spans
            where starts_with(span_id, ?) and starts_with(trace_id, ?) order by all limit ?";
        let params = json!([span, trace, CANDIDATES + 1]);
        let found = self.rows(sql, params).await?;
        let named = format!("{trace}{}{span}", if trace.is_empty() { "" } else { "/" });
        match found.as_slice() {
            [row] => match row.as_slice() {
                [Value::String(trace), Value::String(span)] => Ok((trace.clone(), span.clone())),
                _ => Err(Failure::Usage(format!(
                    "there is no span {}",
                    shown(&named)
                ))),
            },
            [] => Err(Failure::Usage(format!(
                "there is no span {}: `spanreel show SESSION --ids` lists those of a session",
                shown(&named)
            ))),
            many => {
                let places: Vec<String> = many
                    .iter()
                    .map(|row| row.iter().map(text).collect::<Vec<_>>().join("/"))
                    .collect();
                Err(ambiguous("span", &named, &places))
            }
        }
    }
}

/// 1 for `last` and `@1`, 2 for `@2`; `None` for what is an id.
fn place_from_newest(reference: &str) -> Result<Option<usize>, Failure> {
    if reference == "last" {
        return Ok(Some(1));
    }
    let Some(number) = reference.strip_prefix('@') else {
        return Ok(None);
    };
    match number.parse() {
        Ok(place) if (1..=MOST_BACK).contains(&place) => Ok(Some(place)),
        _ => Err(Failure::Usage(format!(
            "{} is no place in the list of sessions: @1 is the newest, @{MOST_BACK} as far as it goes",
            shown(reference)
        ))),
    }
}

fn ambiguous(what: &str, reference: &str, candidates: &[String]) -> Failure {
    let more = if candidates.len() > CANDIDATES {
        "\n  …"
    } else {
        ""
    };
    let listed: Vec<String> = candidates
        .iter()
        .take(CANDIDATES)
        .map(|id| visible(id))
        .collect();
    Failure::Usage(format!(
        "more than one {what} begins with {}: write more of the id\n  {}{more}",
        shown(reference),
        listed.join("\n  ")
    ))
}

/// What was written, short and harmless.
fn shown(reference: &str) -> String {
    let short: String = reference.chars().take(100).collect();
    format!("`{}`", visible(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_ids() {
        let place = |reference| place_from_newest(reference).map_err(|failure| failure.to_string());
        assert_eq!(place("last"), Ok(Some(1)));
        assert_eq!(place("@3"), Ok(Some(3)));
        assert_eq!(place("1f3a0c52"), Ok(None));
        for wrong in ["@0", "@", "@-1", "@x", "@1001"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
