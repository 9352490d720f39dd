//! What is known of sessions beside their acts: whether each is over, waited for, and unlike others.

use std::collections::HashMap;
use std::sync::Arc;

use store::{Standing, Store, Value};

use super::{Ending, Figure, History, Session, Settings, history, silence};
use crate::rows;
use crate::sql;
use crate::time::now_ns;

/// The time (Unix ns) that the last act of a session that counts as over lies before.
fn silent_before_ns(now_ns: i64) -> i64 {
    now_ns.saturating_sub(store::SILENT_NS)
}

/// Where the sessions of `ids` (separated by [`sql::ITEM_SEPARATOR`]) stand.
pub(super) fn standings(
    store: &Store,
    ids: Value,
) -> Result<HashMap<String, Standing>, store::Error> {
    let table = store.read(sql::SESSION_STATE, &[ids])?;
    let standing = |row: rows::Named<'_>| {
        let standing = Standing {
            ended: row.flag("ended"),
            is_awaited: row.flag("is_awaited"),
            last_ns: row.count("last_ns"),
        };
        (row.string("session_id"), standing)
    };
    Ok(rows::rows(&table).map(standing).collect())
}

/// A session of which the acts were taken, and what is known of it beside others.
pub(super) struct Asked {
    pub(super) session: Session,
    /// None of one that is gone.
    pub(super) standing: Option<Standing>,
    pub(super) history: Option<History>,
    /// Its history is that of now, or is found out at once.
    pub(super) is_compared: bool,
    /// Its history is found out at once, if it has ended.
    pub(super) compares: bool,
}

/// What else detectors need to know of sessions, in their order.
pub(super) fn endings(
    store: &Store,
    settings: &Settings,
    asked: &[Asked],
) -> Result<Vec<Ending>, store::Error> {
    let now_ns = now_ns();
    let mut endings: Vec<Ending> = asked
        .iter()
        .map(|asked| {
            let (session, standing) = (&asked.session, asked.standing);
            let is_silent = standing.is_some_and(|standing| {
                !standing.ended && standing.last_ns < silent_before_ns(now_ns)
            });
            // One that is gone is not running.
            let ended = standing
                .is_none_or(|standing| standing.ended || (is_silent && !standing.is_awaited));
            let is_awaited = standing.is_some_and(|standing| standing.is_awaited)
                && silence::is_silent(session.acts(), settings, now_ns);
            Ending {
                ended,
                is_silent,
                awaited_at_ns: is_awaited.then_some(now_ns),
                history: asked.history.filter(|_| ended),
            }
        })
        .collect();
    let compared: Vec<&str> = asked
        .iter()
        .zip(&endings)
        .filter(|(asked, ending)| ending.ended && asked.compares && settings.is_on(&history::RULE))
        .map(|(asked, _)| &**asked.session.id())
        .collect();
    let mut histories = histories(store, &compared)?;
    for (asked, ending) in asked.iter().zip(&mut endings) {
        if let Some(history) = histories.remove(&**asked.session.id()) {
            ending.history = Some(history);
        }
    }
    Ok(endings)
}

/// What sessions took, beside earlier ones; all by one query.
pub(super) fn histories(
    store: &Store,
    ids: &[&str],
) -> Result<HashMap<String, History>, store::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let parameters = [
        Value::Text(Arc::from(ids.join(sql::ITEM_SEPARATOR))),
        Value::Int(silent_before_ns(now_ns())),
    ];
    let table = store.read(sql::SESSION_HISTORIES, &parameters)?;
    Ok(rows::rows(&table)
        .map(|row| (row.string("session_id"), history(&row)))
        .collect())
}

/// Reads a row of session_histories.sql.
fn history(row: &rows::Named<'_>) -> History {
    let figure = |own, median, mad| {
        Some(Figure {
            own: row.double(own)?,
            median: row.double(median)?,
            mad: row.double(mad)?,
        })
    };
    History {
        session_count: usize::try_from(row.count("session_count")).unwrap_or(0),
        duration_ns: figure("duration_ns", "duration_median", "duration_mad"),
        tokens: figure("tokens", "tokens_median", "tokens_mad"),
        cost_usd: figure("cost_usd", "cost_median", "cost_mad"),
    }
}
