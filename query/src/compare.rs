//! Two runs side by side: their calls aligned, and where they part.

use crate::findings::Act;
use crate::tools::{are_names_of_one, kind_of};

/// Calls of each run, behind those in which both agree from the start, that are aligned; the cost grows
/// with the product.
pub(crate) const MAX_CALLS: usize = 1_500;

/// How two calls belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pair {
    /// The same call with the same arguments, as far as known.
    Same(usize, usize),
    /// The same kind of call with other arguments.
    Varied(usize, usize),
    OnlyA(usize),
    OnlyB(usize),
}

impl Pair {
    /// `same`, `varied`, `only_a`, `only_b`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Same(..) => "same",
            Self::Varied(..) => "varied",
            Self::OnlyA(_) => "only_a",
            Self::OnlyB(_) => "only_b",
        }
    }

    /// Places of the calls in the two runs.
    pub(crate) fn places(self) -> (Option<usize>, Option<usize>) {
        match self {
            Self::Same(a, b) | Self::Varied(a, b) => (Some(a), Some(b)),
            Self::OnlyA(a) => (Some(a), None),
            Self::OnlyB(b) => (None, Some(b)),
        }
    }
}

/// Two rows of calls, aligned.
pub(crate) struct Alignment {
    pub(crate) pairs: Vec<Pair>,
    /// Calls at the end of a run were left out.
    pub(crate) truncated: bool,
}

/// Aligns two rows of tool calls: those in which both agree from the start as they are, the rest by the
/// best global alignment.
pub(crate) fn align(a: &[&Act], b: &[&Act]) -> Alignment {
    let agreed = a
        .iter()
        .zip(b)
        .take_while(|(one, other)| compare_calls(one, other) == Some(true))
        .count();
    let (rest_a, rest_b) = (&a[agreed..], &b[agreed..]);
    let truncated = rest_a.len().max(rest_b.len()) > MAX_CALLS;
    let rest_a = rest_a.get(..MAX_CALLS).unwrap_or(rest_a);
    let rest_b = rest_b.get(..MAX_CALLS).unwrap_or(rest_b);
    let mut pairs: Vec<Pair> = (0..agreed).map(|at| Pair::Same(at, at)).collect();
    pairs.extend(best(rest_a, rest_b).into_iter().map(|pair| match pair {
        Pair::Same(a, b) => Pair::Same(a + agreed, b + agreed),
        Pair::Varied(a, b) => Pair::Varied(a + agreed, b + agreed),
        Pair::OnlyA(a) => Pair::OnlyA(a + agreed),
        Pair::OnlyB(b) => Pair::OnlyB(b + agreed),
    }));
    Alignment { pairs, truncated }
}

const SAME: i32 = 4;
const VARIED: i32 = 1;
const GAP: i32 = -1;

/// The best global alignment of two rows of tool calls (Needleman and Wunsch): equal calls count most,
/// calls of the same kind a little, a call without a partner is a loss. Of equally good ones that which
/// agrees longest from the start.
fn best(a: &[&Act], b: &[&Act]) -> Vec<Pair> {
    let width = b.len() + 1;
    let likeness: Vec<Option<bool>> = a
        .iter()
        .flat_map(|one| b.iter().map(|other| compare_calls(one, other)))
        .collect();
    let worth = |alike: Option<bool>| match alike {
        Some(true) => SAME,
        Some(false) => VARIED,
        // Never better than two gaps.
        None => 2 * GAP - 1,
    };
    // Of what remains from each pair of places on, so that the way is found from the start.
    let mut scores = vec![0_i32; (a.len() + 1) * width];
    for row in (0..=a.len()).rev() {
        for column in (0..=b.len()).rev() {
            let here = row * width + column;
            scores[here] = match (a.len() - row, b.len() - column) {
                (0, left) | (left, 0) => GAP * left as i32,
                _ => (scores[here + width + 1] + worth(likeness[row * b.len() + column]))
                    .max(scores[here + width] + GAP)
                    .max(scores[here + 1] + GAP),
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while row < a.len() || column < b.len() {
        let here = row * width + column;
        if row < a.len() && column < b.len() {
            let alike = likeness[row * b.len() + column];
            if let Some(same) = alike
                && scores[here] == scores[here + width + 1] + worth(alike)
            {
                pairs.push(match same {
                    true => Pair::Same(row, column),
                    false => Pair::Varied(row, column),
                });
                (row, column) = (row + 1, column + 1);
                continue;
            }
        }
        if row < a.len() && scores[here] == scores[here + width] + GAP {
            pairs.push(Pair::OnlyA(row));
            row += 1;
        } else {
            pairs.push(Pair::OnlyB(column));
            column += 1;
        }
    }
    pairs
}

/// Share of words from which arguments count as the same.
const SAME_ARGUMENTS: f64 = 0.8;

/// Whether two calls are the same (`true`), of the same kind (`false`), or neither.
fn compare_calls(a: &Act, b: &Act) -> Option<bool> {
    if a.call_hash.is_some() && a.call_hash == b.call_hash {
        return Some(true);
    }
    if !are_names_of_one(kind_of(a), kind_of(b), '_') {
        return None;
    }
    // What one side does not tell is no difference.
    if !has_arguments(a) || !has_arguments(b) {
        return Some(true);
    }
    let alike = match (&a.content.arguments, &b.content.arguments) {
        (Some(a), Some(b)) => a.likeness(b) >= SAME_ARGUMENTS,
        _ => false,
    };
    let same_line = match (a.detail.as_deref(), b.detail.as_deref()) {
        (Some(a), Some(b)) => are_names_of_one(a, b, '/'),
        _ => false,
    };
    Some(alike || same_line)
}

fn has_arguments(act: &Act) -> bool {
    act.content.arguments.is_some() || act.detail.as_deref().is_some_and(|line| !line.is_empty())
}

/// Whether a call came to nothing.
pub(crate) fn has_failed(act: &Act) -> bool {
    act.is_error || act.is_denied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tests::acts;

    fn words(a: &str, b: &str) -> String {
        let (a, b) = (acts(a), acts(b));
        let aligned = align(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>());
        let words: Vec<&str> = aligned.pairs.iter().map(|pair| pair.word()).collect();
        words.join(" ")
    }

    #[test]
    fn aligns_calls_and_names_what_one_run_alone_did() {
        for (a, b, expected) in [
            ("t:A=1 t:B=2", "t:A=1 t:B=2", "same same"),
            ("t:A=1 t:B=2 t:C=3", "t:A=1 t:C=3", "same only_a same"),
            ("t:A=1", "t:A=1 t:B=2", "same only_b"),
            (
                "t:A=1 t:run(one)=1 t:C=1",
                "t:A=1 t:run(two)=1 t:C=1",
                "same varied same",
            ),
            // The one that goes on repeating parts where the other stops.
            ("t:A t:A t:A t:B", "t:A t:B", "same only_a only_a same"),
            ("t:A=1", "t:B=1", "only_a only_b"),
            ("", "", ""),
        ] {
            assert_eq!(words(a, b), expected, "{a} / {b}");
        }
    }

    #[test]
    fn long_runs_cost_a_bounded_amount() {
        let script = |names: &str| {
            let calls: Vec<String> = (0..MAX_CALLS * 3)
                .map(|n| format!("t:{names}{n}=1"))
                .collect();
            acts(&calls.join(" "))
        };
        let (a, b) = (script("A"), script("B"));
        let (a, b): (Vec<&Act>, Vec<&Act>) = (a.iter().collect(), b.iter().collect());
        let same = align(&a, &a);
        assert_eq!((same.pairs.len(), same.truncated), (a.len(), false));
        let other = align(&a, &b);
        assert_eq!((other.pairs.len(), other.truncated), (2 * MAX_CALLS, true));
    }
}
