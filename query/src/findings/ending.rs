//! What is known of a session beside its acts: whether it is over, waited for, and unlike others.

use std::sync::Arc;

use store::{Store, Value};

use super::{Ending, Figure, History, Session, Settings, history, silence};
use crate::rows;
use crate::sql;
use crate::time::now_ns;

/// Reads what detectors need to know of a session of which the acts were taken.
pub(super) fn ending(
    store: &Store,
    settings: &Settings,
    session: &Session,
    ended: bool,
) -> Result<Ending, store::Error> {
    let mut ending = Ending {
        ended,
        ..Ending::default()
    };
    let id = || [Value::Text(Arc::clone(session.id()))];
    if ended && settings.is_on(&history::RULE) {
        let table = store.read(sql::SESSION_HISTORY, &id())?;
        ending.history = rows::rows(&table).next().map(|row| history(&row));
    }
    let now_ns = now_ns();
    if !ended && silence::is_silent(session.acts(), settings, now_ns) {
        let table = store.read(sql::SESSION_AWAITED, &id())?;
        let is_awaited = rows::rows(&table)
            .next()
            .is_some_and(|row| row.flag("is_awaited"));
        ending.awaited_at_ns = is_awaited.then_some(now_ns);
    }
    Ok(ending)
}

/// Reads the row of session_history.sql.
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
