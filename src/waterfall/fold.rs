//! Neighbours that say the same thing again become one row "×n". The pattern may be one row long (Read,
//! Read, Read) or several (model, Bash, model, Bash …): then each of its rows folds.

use std::collections::HashMap;
use std::hash::Hash;

use super::order::Order;
use super::table::SpanTable;

const LONGEST_PATTERN: usize = 4;
const EXACT_REPEATS: usize = 3;
const SIMILAR_REPEATS: usize = 6;

/// Groups of rows.
#[derive(Debug, Default)]
pub(crate) struct Folds {
    leader: HashMap<usize, usize>,
    /// First row of a group -> its rows in order, itself first.
    members: HashMap<usize, Vec<usize>>,
}

impl Folds {
    /// The first row of the group that `row` is in.
    pub(crate) fn leader(&self, row: usize) -> Option<usize> {
        self.leader.get(&row).copied()
    }

    /// The rows of the group that `leader` is the first of.
    pub(crate) fn members(&self, leader: usize) -> &[usize] {
        self.members.get(&leader).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, group: Vec<usize>) {
        let Some(leader) = group.first().copied() else {
            return;
        };
        self.leader.extend(group.iter().map(|row| (*row, leader)));
        self.members.insert(leader, group);
    }
}

/// Numbers that are equal where acts are, by row.
struct Keys {
    /// The act and all below it, arguments included.
    exact: Vec<u32>,
    /// The same without arguments and tokens.
    similar: Vec<u32>,
    /// The row or one below it has not ended.
    is_open: Vec<bool>,
}

/// One number for each distinct value.
struct Numbers<K>(HashMap<K, u32>);

impl<K: Hash + Eq> Numbers<K> {
    fn of(&mut self, key: K) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(key).or_insert(next)
    }
}

fn mix(hash: u64, next: u32) -> u64 {
    (hash ^ u64::from(next))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(23)
}

fn keys(table: &SpanTable, order: &Order) -> Keys {
    let count = table.len();
    let columns = &table.columns;
    let mut names = Numbers(HashMap::new());
    let masked: Vec<u32> = (0..table.string_count())
        .map(|index| names.of(masked_digits(table.string(index as i64))))
        .collect();
    let mut below_exact = vec![0_u64; count];
    let mut below_similar = vec![0_u64; count];
    let mut keys = Keys {
        exact: vec![0; count],
        similar: vec![0; count],
        is_open: vec![false; count],
    };
    let mut exact = Numbers(HashMap::new());
    let mut similar = Numbers(HashMap::new());
    // Backwards, so that what is below a row is known before the row.
    for row in order.rows.iter().rev().copied() {
        let operation = table.operation(row);
        let name = usize::try_from(columns.name_s[row])
            .ok()
            .map(|name| masked[name]);
        // Each turn is somebody's question, however alike they look.
        let own = matches!(operation, "turn" | "session").then_some(row);
        let kind = (
            columns.operation[row],
            name,
            columns.tool_s[row],
            columns.model_s[row],
            columns.agent_s[row],
            columns.decision[row],
            columns.status[row],
            own,
        );
        // A model request's muted line holds its token counts, which differ each time.
        let content = match (operation, columns.call_hash_s[row]) {
            ("model", _) => (0, 0),
            (_, hash) if hash >= 0 => (1, hash),
            _ => (2, columns.detail_s[row]),
        };
        keys.similar[row] = similar.of((kind, below_similar[row]));
        keys.exact[row] = exact.of((kind, columns.name_s[row], content, below_exact[row]));
        keys.is_open[row] |= table.is_running(row);
        if let Some(up) = order.parent[row] {
            below_exact[up] = mix(below_exact[up], keys.exact[row]);
            below_similar[up] = mix(below_similar[up], keys.similar[row]);
            keys.is_open[up] |= keys.is_open[row];
        }
    }
    keys
}

/// "batch 1" and "batch 2" are alike.
fn masked_digits(name: &str) -> String {
    let mut masked = String::with_capacity(name.len());
    for character in name.chars() {
        if !character.is_ascii_digit() {
            masked.push(character);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked
}

/// How many of `run` from `from` on repeat with this period; the last round may be partial.
fn repeats(keys: &[u32], run: &[usize], from: usize, period: usize) -> usize {
    let mut same = 0;
    while from + same + period < run.len()
        && keys[run[from + same]] == keys[run[from + same + period]]
    {
        same += 1;
    }
    same + period
}

/// Finds the groups among siblings; a sibling with acts below it counts with all of them. What still runs
/// breaks a run: it may yet become another thing.
pub(crate) fn find_folds(table: &SpanTable, order: &Order) -> Folds {
    let keys = keys(table, order);
    let mut folds = Folds::default();
    let mut siblings: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for row in &order.rows {
        siblings.entry(order.parent[*row]).or_default().push(*row);
    }
    for list in siblings.values() {
        for run in list.split(|row| keys.is_open[*row]) {
            if run.len() >= EXACT_REPEATS {
                fold_run(run, &keys, &mut folds);
            }
        }
    }
    folds
}

fn fold_run(run: &[usize], keys: &Keys, folds: &mut Folds) {
    let mut at = 0;
    while at < run.len() {
        let mut best = (0, 0);
        for period in 1..=LONGEST_PATTERN {
            let covered = repeats(&keys.exact, run, at, period);
            if covered >= EXACT_REPEATS * period && covered > best.1 {
                best = (period, covered);
            }
        }
        if best.0 == 0 {
            let covered = repeats(&keys.similar, run, at, 1);
            if covered >= SIMILAR_REPEATS {
                best = (1, covered);
            }
        }
        let (period, covered) = best;
        if period == 0 {
            at += 1;
            continue;
        }
        // The act that breaks a loop stays a row of its own.
        let length = covered - covered % period;
        for place in 0..period {
            let group = (at + place..at + length).step_by(period);
            folds.add(group.map(|sibling| run[sibling]).collect());
        }
        at += length;
    }
}
