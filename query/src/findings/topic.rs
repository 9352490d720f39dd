//! Where a turn turns away from what it is about: the words, files and hosts of its prompt, of the tasks of
//! its subagents and of its first calls, against those of each later call. Evidence only: as a score it
//! does not tell runs that left their task from others (docs/detectors.md, measured quality).

use std::collections::{BTreeSet, HashSet};

use super::act::{Act, ActRow};

/// Calls that tell, beside the prompt, what a turn is about.
const ANCHOR_CALLS: usize = 5;

/// Share of a turn's calls, and their least number, from which on a change is mentioned.
const MIN_SHARE: f64 = 0.5;
const MIN_CALLS: usize = 3;

/// Names of one sort that are listed, at most.
const MAX_NAMES: usize = 4;

/// The call from which on a turn shares no word with what it was about, up to its end.
#[derive(Debug, Clone)]
pub(crate) struct ChangePoint {
    /// The first call behind the change.
    pub(crate) at: usize,
    /// The turn's calls before it, and from it on.
    before: Vec<usize>,
    after: Vec<usize>,
}

impl ChangePoint {
    /// Share of the turn's calls that come after the change.
    pub(super) fn share(&self) -> f64 {
        self.after.len() as f64 / (self.before.len() + self.after.len()) as f64
    }

    /// What shows the change: tools, hosts and files that are new, and those that are named no more.
    pub(crate) fn sentence(&self, acts: &[Act]) -> String {
        let (before, after) = (Named::by(acts, &self.before), Named::by(acts, &self.after));
        let mut parts = Vec::new();
        for (when, these, others) in [("new", &after, &before), ("named no more", &before, &after)]
        {
            let lists: Vec<String> = [
                ("tools", &these.tools, &others.tools),
                ("hosts", &these.hosts, &others.hosts),
                ("files", &these.files, &others.files),
            ]
            .into_iter()
            .filter_map(|(sort, these, others)| listed(sort, these, others))
            .collect();
            if !lists.is_empty() {
                parts.push(format!(" {when}: {};", lists.join(", ")));
            }
        }
        let names = parts.concat();
        let names = names.strip_suffix(';').unwrap_or(&names);
        let colon = if names.is_empty() { "" } else { ";" };
        format!(
            "From {}{} on, none of the {} calls up to the end of the turn shares a word with the prompt or the first calls{colon}{names}.",
            acts[self.at].tool_words(),
            acts[self.at].detail_words(),
            self.after.len()
        )
    }
}

/// `files a.rs, b.rs`: those that the others do not have.
fn listed(sort: &str, these: &BTreeSet<String>, others: &BTreeSet<String>) -> Option<String> {
    let own: Vec<&str> = these.difference(others).map(String::as_str).collect();
    let more = match own.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let names = own.iter().take(MAX_NAMES).copied().collect::<Vec<_>>();
    (!names.is_empty()).then(|| format!("{sort} {}{more}", names.join(", ")))
}

/// What calls name.
#[derive(Default)]
struct Named {
    tools: BTreeSet<String>,
    hosts: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Named {
    fn by(acts: &[Act], calls: &[usize]) -> Self {
        let mut named = Self::default();
        for at in calls {
            named.take(&acts[*at]);
        }
        named
    }

    fn take(&mut self, call: &ActRow) {
        self.tools.insert(call.tool_words());
        let detail = call.detail.as_deref().unwrap_or_default();
        for word in detail.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '.'));
            if let Some((_, rest)) = word.split_once("://") {
                let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
                self.hosts.insert(host.to_owned());
            } else if is_file(word) {
                self.files.insert(word.to_owned());
            }
        }
    }
}

/// A path, or a name with an extension.
fn is_file(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let has_extension = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=5).contains(&extension.len())
            && extension.starts_with(|c: char| c.is_ascii_alphabetic())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    has_extension || (word.len() > 1 && word.contains('/'))
}

/// The change within the acts of one turn, `begin..=last`, if most of its calls come after it.
pub(super) fn change_point(acts: &[Act], begin: usize, last: usize) -> Option<ChangePoint> {
    let turn = acts[begin].turn;
    let places: Vec<usize> = (begin..=last.min(acts.len() - 1))
        .filter(|at| acts[*at].turn == turn)
        .collect();
    off_topic(acts, &places)
        .filter(|change| change.share() >= MIN_SHARE && change.after.len() >= MIN_CALLS)
}

/// The change of the turn that turned away most, if there is one to speak of.
pub(super) fn worst_change(acts: &[Act]) -> Option<ChangePoint> {
    changes(acts)
        .filter(|change| change.share() >= MIN_SHARE && change.after.len() >= MIN_CALLS)
        .max_by(|a, b| a.share().total_cmp(&b.share()))
}

/// The largest share of a turn's calls, at its end, that share no word with what it was about.
pub(super) fn drift_share(acts: &[Act]) -> f64 {
    changes(acts)
        .map(|change| change.share())
        .fold(0.0, f64::max)
}

/// Each turn begins anew: a new prompt is a new task.
fn changes(acts: &[Act]) -> impl Iterator<Item = ChangePoint> {
    let mut begin = 0;
    acts.chunk_by(|a, b| a.turn == b.turn)
        .filter_map(move |turn| {
            let places: Vec<usize> = (begin..begin + turn.len()).collect();
            begin += turn.len();
            off_topic(acts, &places)
        })
}

/// The longest row of calls, up to the end of a turn, that share no word with its prompt, the tasks of its
/// subagents and its first calls.
fn off_topic(acts: &[Act], turn: &[usize]) -> Option<ChangePoint> {
    let words = |at: usize| {
        let arguments = acts[at].content.arguments.as_deref();
        arguments.into_iter().flat_map(|sketch| sketch.words())
    };
    let (calls, asked): (Vec<usize>, Vec<usize>) = turn
        .iter()
        .filter(|at| acts[**at].content.arguments.is_some())
        .partition(|at| acts[**at].is_tool());
    let (early, later) = calls.split_at(calls.len().min(ANCHOR_CALLS));
    let anchor: HashSet<u32> = asked
        .iter()
        .chain(early)
        .flat_map(|at| words(*at))
        .collect();
    let off = later
        .iter()
        .rev()
        .take_while(|at| !words(**at).any(|word| anchor.contains(&word)))
        .count();
    let (before, after) = calls.split_at(calls.len() - off);
    Some(ChangePoint {
        at: *after.first()?,
        before: before.to_vec(),
        after: after.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::acts;
    use super::*;

    #[test]
    fn says_from_where_on_a_turn_is_about_something_else() {
        let task = "t:read(src/cart.rs) t:edit(src/cart.rs) t:test(cart) t:read(src/price.rs) t:test(price)";
        let away = "t:fetch(https://news.example/today) t:fetch(https://news.example/sport) t:note(headlines) t:note(scores) t:note(weather)";
        let left = acts(&format!("{task} {away}"));
        let change = worst_change(&left).unwrap();
        assert_eq!((change.at, change.share()), (5, 0.5));
        let sentence = change.sentence(&left);
        for words in [
            "From fetch (https://news.example/today) on, none of the 5 calls",
            "new: tools fetch, note, hosts news.example",
            "named no more: tools edit, read, test, files src/cart.rs, src/price.rs.",
        ] {
            assert!(sentence.contains(words), "{sentence}");
        }
        // A new prompt is a new task, and whoever comes back has not left.
        assert!(worst_change(&acts(&format!("{task} turn {away}"))).is_none());
        assert!(worst_change(&acts(&format!("{task} {away} t:test(cart)"))).is_none());
        assert!(worst_change(&acts(task)).is_none());
    }
}
