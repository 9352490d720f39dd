//! Two runs side by side: their calls aligned, and where they part.

use crate::findings::Act;

/// Calls of each run that are aligned; the cost grows with the product.
pub(crate) const MAX_CALLS: usize = 2_000;

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

const SAME: i32 = 4;
const VARIED: i32 = 1;
const GAP: i32 = -1;

/// The best global alignment of two rows of tool calls (Needleman and Wunsch): equal calls count
/// most, calls of the same kind a little, a call without a partner is a loss.
pub(crate) fn align(a: &[&Act], b: &[&Act]) -> Vec<Pair> {
    let a = a.get(..MAX_CALLS).unwrap_or(a);
    let b = b.get(..MAX_CALLS).unwrap_or(b);
    let width = b.len() + 1;
    let mut scores = vec![0_i32; (a.len() + 1) * width];
    for (at, score) in scores.iter_mut().enumerate() {
        if at < width {
            *score = GAP * at as i32;
        } else if at % width == 0 {
            *score = GAP * (at / width) as i32;
        }
    }
    let likeness: Vec<Vec<Option<bool>>> = a
        .iter()
        .map(|one| b.iter().map(|other| compare_calls(one, other)).collect())
        .collect();
    let worth = |alike: Option<bool>| match alike {
        Some(true) => SAME,
        Some(false) => VARIED,
        // Never better than two gaps.
        None => 2 * GAP - 1,
    };
    for (row, alike) in likeness.iter().enumerate() {
        for (column, alike) in alike.iter().enumerate() {
            let here = (row + 1) * width + column + 1;
            scores[here] = (scores[here - width - 1] + worth(*alike))
                .max(scores[here - width] + GAP)
                .max(scores[here - 1] + GAP);
        }
    }
    let (mut row, mut column) = (a.len(), b.len());
    let mut pairs = Vec::new();
    while row > 0 || column > 0 {
        let here = row * width + column;
        if row > 0 && column > 0 {
            let alike = likeness[row - 1][column - 1];
            if let Some(same) = alike
                && scores[here] == scores[here - width - 1] + worth(alike)
            {
                (row, column) = (row - 1, column - 1);
                pairs.push(match same {
                    true => Pair::Same(row, column),
                    false => Pair::Varied(row, column),
                });
                continue;
            }
        }
        if row > 0 && scores[here] == scores[here - width] + GAP {
            row -= 1;
            pairs.push(Pair::OnlyA(row));
        } else {
            column -= 1;
            pairs.push(Pair::OnlyB(column));
        }
    }
    pairs.reverse();
    pairs
}

/// Share of words from which arguments count as the same.
const SAME_ARGUMENTS: f64 = 0.8;

/// Whether two calls are the same (`true`), of the same kind (`false`), or neither.
fn compare_calls(a: &Act, b: &Act) -> Option<bool> {
    if a.call_hash.is_some() && a.call_hash == b.call_hash {
        return Some(true);
    }
    if !are_names_of_one(kind(a), kind(b), '_') {
        return None;
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

/// Whether two names are the same, or one is the other behind a server's name or a folder.
fn are_names_of_one(a: &str, b: &str, separator: char) -> bool {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let before = long.strip_suffix(short);
    !short.is_empty()
        && before.is_some_and(|before| before.is_empty() || before.ends_with(separator))
}

/// What a tool is for, whatever its harness calls it; a tool that no list has is its own kind.
fn kind(act: &Act) -> &str {
    const KINDS: [(&str, &[&str]); 6] = [
        (
            "shell",
            &[
                "Bash",
                "bash",
                "shell",
                "run_shell",
                "run_shell_command",
                "exec_command",
                "local_shell",
                "execute_command",
                "terminal",
            ],
        ),
        ("read", &["Read", "read", "read_file", "view", "open_file"]),
        ("write", &["Write", "write", "write_file", "create_file"]),
        (
            "edit",
            &[
                "Edit",
                "edit",
                "replace",
                "edit_file",
                "apply_patch",
                "str_replace",
                "MultiEdit",
            ],
        ),
        (
            "search",
            &[
                "Grep",
                "Glob",
                "grep",
                "glob",
                "search_files",
                "list_directory",
                "LS",
            ],
        ),
        (
            "subagent",
            &["Agent", "Task", "task", "spawn_agent", "delegate"],
        ),
    ];
    let name = act.tool_name.as_deref().unwrap_or(&act.name);
    KINDS
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map_or(name, |(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::tests::acts;

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
            ("t:A=1", "t:B=1", "only_b only_a"),
            ("", "", ""),
        ] {
            let (a, b) = (acts(a), acts(b));
            let pairs = align(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>());
            let words: Vec<&str> = pairs.iter().map(|pair| pair.word()).collect();
            assert_eq!(words.join(" "), expected);
        }
        assert!(are_names_of_one("inventory_lookup", "lookup", '_'));
        assert!(are_names_of_one("README.md", "/app/README.md", '/'));
        assert!(!are_names_of_one("outlook", "look", '_'));
    }
}
