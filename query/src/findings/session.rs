//! The detectors of one session, and the acts that they have taken.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use store::{ActKey, FindingRow};

use super::act::{Act, ActRow};
use super::settings::Settings;
use super::{Detector, Draft, Ending, RULES};
use crate::time::rfc3339;

/// Where a loop is told already, a weaker rule that sees this share of its acts there is silent.
const COVERED_SHARE: f64 = 0.5;

/// One session while it is looked at.
pub(crate) struct Session {
    session_id: Arc<str>,
    acts: Vec<Act>,
    detectors: Vec<(String, Box<dyn Detector>)>,
}

impl Session {
    pub(crate) fn new(session_id: &Arc<str>, settings: &Settings) -> Self {
        let detectors = RULES
            .iter()
            .filter(|rule| settings.is_on(rule))
            .map(|rule| {
                let detector = format!("{}/{}", rule.name, rule.version);
                (detector, (rule.make)(&settings.thresholds(rule)))
            })
            .collect();
        Self {
            session_id: Arc::clone(session_id),
            acts: Vec::new(),
            detectors,
        }
    }

    /// Takes the next act.
    pub(crate) fn push(&mut self, act: Act) {
        self.acts.push(act);
        let at = self.acts.len() - 1;
        for (_, detector) in &mut self.detectors {
            detector.push(&self.acts, at);
        }
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.session_id
    }

    /// The acts taken, in order.
    pub(crate) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Whether `rows` begin with exactly the acts that were taken.
    pub(crate) fn is_continued_by(&self, rows: &[ActRow]) -> bool {
        self.acts.len() <= rows.len()
            && self.acts.iter().zip(rows).all(|(act, row)| act.row == *row)
    }

    /// Gives the acts back, so that what was read of them can serve again.
    pub(crate) fn into_acts(self) -> Vec<Act> {
        self.acts
    }

    /// What has been found up to now.
    pub(crate) fn findings(&self, ending: Ending) -> Vec<FindingRow> {
        let mut told: HashSet<ActKey> = HashSet::new();
        let mut rows = Vec::new();
        let mut starts: HashMap<ActKey, i64> = HashMap::new();
        let is_over = ending.ended || ending.is_silent;
        for (detector, rule) in &self.detectors {
            for mut draft in rule.drafts(&self.acts, ending) {
                if is_repetition(&draft) && is_covered(&draft, &told) {
                    continue;
                }
                if draft.kind == "loop" {
                    told.extend(draft.spans.iter().copied());
                    if starts.is_empty() {
                        starts.extend(self.acts.iter().map(|act| (act.key, act.start_ns)));
                    }
                    let since = draft.spans.first().and_then(|first| starts.get(first));
                    draft.explanation.extend(since.map(|ns| since_words(*ns)));
                }
                rows.push(draft.into_row(&self.session_id, detector, is_over));
            }
        }
        rows
    }
}

/// ` Since 2026-11-21 01:06:41 UTC.`
fn since_words(start_ns: i64) -> String {
    let time = rfc3339(start_ns).replacen('T', " ", 1);
    let to_the_second = time.split('.').next().unwrap_or_default();
    format!(" Since {to_the_second} UTC.")
}

/// Whether a loop may be the better word for it.
fn is_repetition(draft: &Draft) -> bool {
    matches!(draft.kind, "loop" | "error_streak")
}

fn is_covered(draft: &Draft, told: &HashSet<ActKey>) -> bool {
    let known = draft.spans.iter().filter(|key| told.contains(key)).count();
    known > 0 && known as f64 >= COVERED_SHARE * draft.spans.len() as f64
}

/// Goes through the acts of one session from the start.
#[cfg(test)]
pub(crate) fn detect(session_id: &str, acts: &[Act], ended: bool) -> Vec<FindingRow> {
    let ending = Ending {
        ended,
        ..Ending::default()
    };
    detect_with(session_id, acts, ending)
}

/// As [`detect`], with more known of the session.
#[cfg(test)]
pub(crate) fn detect_with(session_id: &str, acts: &[Act], ending: Ending) -> Vec<FindingRow> {
    let mut session = Session::new(&Arc::from(session_id), &Settings::default());
    for act in acts {
        session.push(act.clone());
    }
    session.findings(ending)
}
