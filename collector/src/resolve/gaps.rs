//! What is still missing of an act once all its records are joined.

use store::ActState;

use super::group::Group;

/// Takes back notes of missing content that another record of the act has brought.
pub(super) fn settle(group: &mut Group) {
    for act in &mut group.acts {
        if act.derived.duplicate_of.is_none() && is_filled(act) {
            act.facts.truncated_upstream = None;
        }
    }
}

/// Whether what the note says was not sent is there. Notes begin with what they are about.
fn is_filled(act: &ActState) -> bool {
    let facts = &act.facts;
    let Some(note) = facts.truncated_upstream.as_deref() else {
        return false;
    };
    let Some((what, _)) = note.split_once(" not sent") else {
        return false;
    };
    match what {
        "prompt" => facts.prompt.is_some(),
        "response" => facts.output.is_some(),
        "arguments" => facts.input.is_some(),
        "content" => facts.input.is_some() && facts.output.is_some(),
        _ => false,
    }
}
