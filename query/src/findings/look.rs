//! One look at sessions: their acts read and given to the detectors, and what has changed.
//!
//! Any number of sessions is read by the same few queries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{ActKey, FindingRow, Standing, Store, Value};

use super::act_rows::{SESSION_ID, act, key};
use super::ending::{Asked, endings, standings};
use super::history;
use super::known::{Known, same, stored_findings};
use super::{Act, ActRow, Content, Ending, History, Session, Settings};
use crate::error::ApiError;
use crate::sql;
use crate::time::now_ns;

/// Texts from this size on are compared by their hash only.
const MAX_TEXT_BYTES: i64 = 64 * 1024;

/// Characters of a text that are compared.
const COMPARED_CHARS: i64 = 8 * 1024;

/// A session as it was left by a look.
pub(crate) struct Looked {
    pub(crate) session: Session,
    /// Its findings, as they are stored or about to be.
    known: Known,
    /// Where it stands, by its row.
    standing: Option<Standing>,
    /// What it took beside others, as far as that was asked for.
    history: Option<History>,
    /// It has ended and was not compared with others.
    pub(crate) is_to_compare: bool,
    /// How long its detectors took.
    pub(crate) took: Duration,
}

impl Looked {
    pub(crate) fn is_compared(&self) -> bool {
        self.history.is_some()
    }
}

/// A session that is to be looked at, and as it was left by the last look.
pub(crate) struct Due {
    pub(crate) session_id: Arc<str>,
    pub(crate) before: Option<Looked>,
    pub(crate) news: Heard,
}

impl Due {
    /// Whether all acts of the session are to be read, whatever was heard.
    fn is_read_anew(&self) -> bool {
        self.news.is_partial || (self.before.is_none() && !self.news.is_whole())
    }

    /// Where the session stands, if that is known.
    fn standing(&self) -> Option<Standing> {
        let before = self.before.as_ref().filter(|_| !self.news.is_partial);
        let known = before.and_then(|looked| looked.standing);
        self.news.standing.or(known)
    }
}

/// What was heard of a session since it was looked at last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// No act of the session has a lower row number.
    pub(crate) first_act_id: i64,
    /// Row numbers of its acts that have come or changed.
    pub(crate) act_ids: Vec<i64>,
    /// Where it stands, if its row was written.
    pub(crate) standing: Option<Standing>,
    /// That is not all: its acts have to be read anew.
    pub(crate) is_partial: bool,
    /// What it took beside others, if that was found out.
    pub(crate) history: Option<History>,
    /// It is to be compared with other sessions at once, if it has ended.
    pub(crate) compares: bool,
}

impl Heard {
    /// Nothing was heard: all is to be found out.
    pub(crate) fn nothing() -> Self {
        Self {
            is_partial: true,
            compares: true,
            ..Self::default()
        }
    }

    /// Whether all acts that the session has were heard of, its first one among them.
    fn is_whole(&self) -> bool {
        !self.is_partial && self.act_ids.contains(&self.first_act_id)
    }
}

/// What a look has changed.
#[derive(Default)]
pub(crate) struct News {
    /// Findings that are new or have grown.
    pub(crate) changed: Vec<FindingRow>,
    /// Sessions with the ids of their findings that hold no longer.
    pub(crate) gone: Vec<(Arc<str>, Vec<String>)>,
    /// Findings that there are now.
    pub(crate) found: usize,
}

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// Writes what has changed; waits for the commits of others.
    pub(crate) fn write(&self, store: &Store) -> Result<(), store::Error> {
        for (session_id, ids) in &self.gone {
            store.remove_findings(session_id, ids)?;
        }
        store.write_findings(&self.changed)
    }
}

/// Looks at sessions and says what has changed. What still holds of a session as it was left by the last
/// look is not gone through again.
pub(crate) fn look(
    store: &Store,
    settings: &Settings,
    mut due: Vec<Due>,
) -> Result<(Vec<Looked>, News), ApiError> {
    let mut remembered: HashMap<Arc<str>, Known> = HashMap::new();
    let mut forgotten = Vec::new();
    for Due {
        session_id,
        before,
        news,
    } in &mut due
    {
        match before {
            Some(looked) => {
                remembered.insert(session_id.clone(), std::mem::take(&mut looked.known));
            }
            // Nothing was found in one that is new.
            None if news.is_whole() => {}
            None => forgotten.push(session_id.clone()),
        }
    }
    let sessions = read_sessions(store, settings, due)?;
    remembered.extend(stored_findings(store, &forgotten)?);
    let now = now_ns();
    let mut news = News::default();
    let mut looked = Vec::with_capacity(sessions.len());
    for Read {
        session,
        standing,
        ending,
        is_to_compare,
        mut took,
    } in sessions
    {
        let begun = Instant::now();
        let mut old = remembered.remove(session.id()).unwrap_or_default();
        let mut known = Known::new();
        for mut finding in session.findings(ending) {
            finding.updated_ns = now;
            finding.detected_ns = now;
            match old.remove(&finding.finding_id) {
                Some(old) if same(&old, &finding) => finding = old,
                old => {
                    if let Some(old) = old {
                        finding.detected_ns = old.detected_ns;
                    }
                    news.changed.push(finding.clone());
                }
            }
            known.insert(finding.finding_id.clone(), finding);
        }
        news.found += known.len();
        let gone: Vec<String> = old
            .into_values()
            .filter(|finding| super::is_ours(&finding.detector))
            .map(|finding| finding.finding_id)
            .collect();
        if !gone.is_empty() {
            news.gone.push((session.id().clone(), gone));
        }
        took += begun.elapsed();
        looked.push(Looked {
            session,
            known,
            standing,
            history: ending.history,
            is_to_compare,
            took,
        });
    }
    Ok((looked, news))
}

/// One session with all its acts.
pub(crate) fn read_session(
    store: &Store,
    settings: &Settings,
    session_id: &Arc<str>,
) -> Result<(Session, Ending), store::Error> {
    let due = Due {
        session_id: session_id.clone(),
        before: None,
        news: Heard::nothing(),
    };
    let mut sessions = read_sessions(store, settings, vec![due])?;
    let gone = Ending {
        ended: true,
        ..Ending::default()
    };
    let read = sessions.pop().map(|read| (read.session, read.ending));
    Ok(read.unwrap_or_else(|| (Session::new(session_id, settings), gone)))
}

/// A session that has taken its acts.
struct Read {
    session: Session,
    standing: Option<Standing>,
    ending: Ending,
    is_to_compare: bool,
    took: Duration,
}

/// The acts of a session as they were read, and what of them is known already.
struct Reading {
    asked: Asked,
    /// Acts that the session has not taken yet.
    new: Vec<ActRow>,
    /// What was read of acts when the session was looked at last, where it has to be gone through again.
    contents: HashMap<ActKey, Act>,
}

/// Takes the acts of sessions that have not been taken yet; all acts of a session of which an earlier one
/// has come or changed since.
fn read_sessions(
    store: &Store,
    settings: &Settings,
    due: Vec<Due>,
) -> Result<Vec<Read>, store::Error> {
    let is_asked = |due: &&Due| due.standing().is_none();
    let unknown = joined(due.iter().filter(is_asked).map(|due| &*due.session_id));
    let standings = match due.iter().any(|due| is_asked(&due)) {
        true => standings(store, unknown)?,
        false => HashMap::new(),
    };
    let is_whole = |due: &&Due| due.is_read_anew();
    let (whole, part): (Vec<&Due>, Vec<&Due>) = due.iter().partition(is_whole);
    let mut acts: HashMap<Arc<str>, Vec<ActRow>> = HashMap::new();
    let first = whole.iter().map(|due| due.news.first_act_id).min();
    if let Some(first) = first {
        read_acts(store, &whole, first, i64::MAX, &mut acts)?;
    }
    let heard: HashSet<i64> = part
        .iter()
        .flat_map(|due| &due.news.act_ids)
        .copied()
        .collect();
    if let (Some(first), Some(last)) = (heard.iter().min(), heard.iter().max()) {
        read_acts(store, &part, *first, *last, &mut acts)?;
        for due in &part {
            let rows = acts.get_mut(&due.session_id);
            rows.into_iter()
                .for_each(|rows| rows.retain(|row| heard.contains(&row.act_id)));
        }
    }
    let mut readings: Vec<Reading> = due
        .into_iter()
        .map(|due| {
            let rows = acts.remove(&due.session_id).unwrap_or_default();
            let stored = standings.get(&*due.session_id).copied();
            Reading::of(due, rows, stored, settings)
        })
        .collect();
    let mut texts = read_texts(store, &readings)?;
    let mut asked = Vec::with_capacity(readings.len());
    let mut took = Vec::with_capacity(readings.len());
    for reading in readings.drain(..) {
        let begun = Instant::now();
        asked.push(reading.take_acts(&mut texts));
        took.push(begun.elapsed());
    }
    let endings = endings(store, settings, &asked)?;
    let can_compare = settings.is_on(&history::RULE);
    let asked = asked.into_iter().zip(took);
    let read = |((asked, took), ending): ((Asked, Duration), Ending)| Read {
        session: asked.session,
        standing: asked.standing,
        ending,
        is_to_compare: can_compare && ending.ended && !asked.is_compared,
        took,
    };
    Ok(asked.zip(endings).map(read).collect())
}

/// A list as a parameter of a query.
fn joined<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    let items: Vec<&str> = items.collect();
    Value::Text(Arc::from(items.join(sql::ITEM_SEPARATOR)))
}

/// Reads acts of sessions with row numbers from `first` to `last`.
fn read_acts(
    store: &Store,
    due: &[&Due],
    first: i64,
    last: i64,
    acts: &mut HashMap<Arc<str>, Vec<ActRow>>,
) -> Result<(), store::Error> {
    acts.extend(due.iter().map(|due| (due.session_id.clone(), Vec::new())));
    let parameters = [
        joined(due.iter().map(|due| &*due.session_id)),
        Value::Int(first),
        Value::Int(last),
    ];
    store.scan(sql::SESSION_ACTS, &parameters, &mut |row| {
        let of_session = row.text(SESSION_ID).and_then(|id| acts.get_mut(id));
        if let (Some(of_session), Some(act)) = (of_session, act(row)) {
            of_session.push(act);
        }
    })
}

impl Reading {
    /// What is to be taken of a session of which `rows` were read; `stored` is where it stands, where that
    /// was asked for.
    fn of(due: Due, mut rows: Vec<ActRow>, stored: Option<Standing>, settings: &Settings) -> Self {
        let standing = due.standing().or(stored);
        let (before, history) = match due.before {
            Some(looked) => (Some(looked.session), looked.history),
            None => (None, None),
        };
        let (session, new, contents) = match before {
            Some(session) if !due.news.is_partial => {
                let is_behind = rows
                    .first()
                    .zip(session.acts().last())
                    .is_none_or(|(new, last)| new.place() > last.place());
                let last_act_id = session.acts().iter().map(|act| act.act_id).max();
                let is_known = |id: &i64| last_act_id.is_some_and(|last| *id <= last);
                if is_behind && !due.news.act_ids.iter().any(is_known) {
                    (session, rows, HashMap::new())
                } else {
                    let rows = merged(&session, rows, &due.news.act_ids);
                    continued(&due.session_id, Some(session), rows, settings)
                }
            }
            before => {
                rows.sort_unstable_by_key(ActRow::place);
                continued(&due.session_id, before, rows, settings)
            }
        };
        let asked = Asked {
            session,
            standing,
            history: due.news.history.or(history),
            is_compared: due.news.history.is_some() || due.news.compares,
            compares: due.news.compares,
        };
        Self {
            asked,
            new,
            contents,
        }
    }

    /// The session with all its acts.
    fn take_acts(mut self, texts: &mut HashMap<ActKey, Texts>) -> Asked {
        for row in self.new {
            let content = match texts.remove(&row.key) {
                Some((input, output)) => {
                    Content::of(row.operation, input.as_deref(), output.as_deref())
                }
                None => self
                    .contents
                    .remove(&row.key)
                    .filter(|known| has_same_texts(&known.row, &row))
                    .map(|known| known.content)
                    .unwrap_or_default(),
            };
            self.asked.session.push(Act { row, content });
        }
        self.asked
    }
}

/// The acts of a session after those of `touched` have changed to `rows`, or have left it.
fn merged(session: &Session, rows: Vec<ActRow>, touched: &[i64]) -> Vec<ActRow> {
    let replaced: HashSet<i64> = rows.iter().map(|row| row.act_id).collect();
    let replaced: HashSet<i64> = replaced
        .into_iter()
        .chain(touched.iter().copied())
        .collect();
    let kept = session.acts().iter().map(|act| &act.row);
    let kept = kept.filter(|row| !replaced.contains(&row.act_id));
    let mut all: Vec<ActRow> = kept.cloned().chain(rows).collect();
    all.sort_unstable_by_key(ActRow::place);
    all
}

/// What is left to be taken of a session whose acts are `rows`: the session, the acts that it has not taken,
/// and what is known of them.
fn continued(
    session_id: &Arc<str>,
    before: Option<Session>,
    mut rows: Vec<ActRow>,
    settings: &Settings,
) -> (Session, Vec<ActRow>, HashMap<ActKey, Act>) {
    match before {
        Some(session) if session.is_continued_by(&rows) => {
            let new = rows.split_off(session.acts().len());
            (session, new, HashMap::new())
        }
        before => {
            let acts = before.map(Session::into_acts).unwrap_or_default();
            let contents = acts.into_iter().map(|act| (act.key, act)).collect();
            (Session::new(session_id, settings), rows, contents)
        }
    }
}

/// Beginnings of the input and the output of an act.
type Texts = (Option<String>, Option<String>);

/// The texts of the acts that are new and not known yet.
fn read_texts(store: &Store, readings: &[Reading]) -> Result<HashMap<ActKey, Texts>, store::Error> {
    let unread = readings.iter().flat_map(|reading| {
        reading.new.iter().filter(|row| {
            (row.input_hash.is_some() || row.output_hash.is_some())
                && row.has_compared_texts()
                && reading
                    .contents
                    .get(&row.key)
                    .is_none_or(|known| !has_same_texts(&known.row, row))
        })
    });
    let ids: Vec<i64> = unread.map(|row| row.act_id).collect();
    let mut texts = HashMap::new();
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
        return Ok(texts);
    };
    let words: Vec<String> = ids.iter().map(i64::to_string).collect();
    let parameters = [
        joined(words.iter().map(String::as_str)),
        Value::Int(*first),
        Value::Int(*last),
        Value::Int(MAX_TEXT_BYTES),
        Value::Int(COMPARED_CHARS),
    ];
    store.scan(sql::SESSION_TEXTS, &parameters, &mut |row| {
        let text = |at: usize| row.text(at).map(str::to_owned);
        if let Some(key) = key(row) {
            texts.insert(key, (text(2), text(3)));
        }
    })?;
    Ok(texts)
}

fn has_same_texts(a: &ActRow, b: &ActRow) -> bool {
    a.operation == b.operation && a.input_hash == b.input_hash && a.output_hash == b.output_hash
}
