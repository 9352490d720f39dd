//! The weightiest things that fit.

use super::candidates::Candidate;
use super::facts::{Fact, Section};

/// Which candidates are told, and at which length.
pub(super) struct Chosen {
    /// By candidate: the level, or none.
    levels: Vec<Option<usize>>,
    /// Candidates in the order in which they, or a longer level of them, were taken.
    order: Vec<usize>,
}

impl Chosen {
    /// The fact that is told of a candidate.
    pub(super) fn fact<'a>(&self, candidates: &'a [Candidate], at: usize) -> Option<&'a Fact> {
        let level = (*self.levels.get(at)?)?;
        candidates.get(at)?.levels.get(level).map(|(_, fact)| fact)
    }

    /// Whether more could be said of a candidate that is told.
    pub(super) fn is_shortened(&self, candidates: &[Candidate], at: usize) -> bool {
        match (self.levels.get(at), candidates.get(at)) {
            (Some(Some(level)), Some(candidate)) => level + 1 < candidate.levels.len(),
            _ => false,
        }
    }

    /// Takes back what was taken last; false when nothing is left.
    pub(super) fn drop_last(&mut self) -> bool {
        let Some(at) = self.order.pop() else {
            return false;
        };
        self.levels[at] = self.levels[at].and_then(|level| level.checked_sub(1));
        true
    }
}

/// Takes levels of candidates by falling weight, as long as `budget` tokens last; what does not fit is
/// passed over. A longer level comes only over the one before, anything of a session only under its
/// head. `measure` tells the tokens of a fact.
pub(super) fn choose(
    candidates: &[Candidate],
    budget: usize,
    measure: impl Fn(&Fact) -> usize,
) -> Chosen {
    let mut offers: Vec<(f64, usize, usize)> = candidates
        .iter()
        .enumerate()
        .flat_map(|(at, candidate)| {
            let levels = candidate.levels.iter().enumerate();
            levels.map(move |(level, (weight, _))| (*weight, at, level))
        })
        .collect();
    offers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let sessions = candidates.iter().map(|candidate| candidate.session + 1);
    let mut is_named = vec![false; sessions.max().unwrap_or(0)];
    let mut chosen = Chosen {
        levels: vec![None; candidates.len()],
        order: Vec::new(),
    };
    let mut sizes = vec![0; candidates.len()];
    let mut left = budget;
    for (_, at, level) in offers {
        let candidate = &candidates[at];
        let is_next = chosen.levels[at].map_or(0, |level| level + 1) == level;
        let is_head = candidate.section == Section::Head;
        if !is_next || !(is_head || is_named[candidate.session]) {
            continue;
        }
        let size = measure(&candidate.levels[level].1);
        let more = size.saturating_sub(sizes[at]);
        if more > left {
            continue;
        }
        left -= more;
        sizes[at] = sizes[at].max(size);
        chosen.levels[at] = Some(level);
        chosen.order.push(at);
        is_named[candidate.session] = true;
    }
    chosen
}
