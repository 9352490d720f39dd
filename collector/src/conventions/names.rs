//! Which attribute says what: alias lists in order of precedence, and one pass over a record's
//! attributes that finds the best of each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::payload::Bag;
use super::text;
use super::value::{Attributes, Value};

macro_rules! concepts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What an attribute can say of a record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Concept { $($(#[$doc])* $name),+ }

        const CONCEPT_COUNT: usize = [$(Concept::$name),+].len();
    };
}

concepts!(
    Session,
    /// Session id under a key of the user's own making: yields to the session or conversation that
    /// any record of the trace names.
    NamedSession,
    ParentSession,
    TurnKey,
    UserId,
    Project,
    Branch,
    HarnessVersion,
    AgentName,
    AgentId,
    ParentAgentId,
    /// The emitter's word for the kind of act (`gen_ai.operation.name`).
    OperationName,
    Provider,
    RequestModel,
    ResponseModel,
    RequestId,
    JoinKey,
    ToolName,
    ToolCallId,
    McpServer,
    McpMethod,
    SkillName,
    HookEvent,
    HookName,
    Decision,
    DecisionSource,
    InputTokens,
    OutputTokens,
    CacheReadTokens,
    CacheWriteTokens,
    ReasoningTokens,
    Cost,
    CostMicros,
    AttemptCount,
    FinishReason,
    ErrorType,
    ErrorMessage,
    Success,
    ExitCode,
    HttpStatus,
    DurationMs,
    /// The user's words.
    Prompt,
    /// Message list of a model request, the emitter's best form.
    Messages,
    /// System instructions beside the messages.
    System,
    /// Input of any act in the emitter's own form.
    Input,
    /// Output of a model request or any other act.
    Output,
    ToolInput,
    ToolOutput,
    /// The emitter says outright that it cut something.
    Truncated,
);

impl Concept {
    /// Content, where a text like `N/A` may be real.
    fn is_content(self) -> bool {
        matches!(
            self,
            Concept::Prompt
                | Concept::Messages
                | Concept::System
                | Concept::Input
                | Concept::Output
                | Concept::ToolInput
                | Concept::ToolOutput
                | Concept::ErrorMessage
        )
    }
}

/// The names of one convention or emitter, per concept in order of precedence.
pub(super) type Aliases = &'static [(Concept, &'static [&'static str])];

/// The names that count for one family: its own first, then those of the shared conventions.
pub(super) struct Names {
    by_key: HashMap<&'static str, Vec<(Concept, u16)>>,
}

impl Names {
    /// Names in earlier lists take precedence over names in later ones.
    pub(super) fn of(lists: &[Aliases]) -> Self {
        let mut by_key: HashMap<&'static str, Vec<(Concept, u16)>> = HashMap::new();
        let mut rank = 0;
        for (concept, keys) in lists.iter().flat_map(|list| list.iter()) {
            for key in *keys {
                let entry = by_key.entry(key).or_default();
                if entry.iter().all(|(known, _)| known != concept) {
                    entry.push((*concept, rank));
                    rank += 1;
                }
            }
        }
        Self { by_key }
    }

    /// Takes away what a name means.
    pub(super) fn forget(&mut self, key: &str) {
        self.by_key.remove(key);
    }

    /// Finds the best attribute per concept; absent and redacted values are passed over.
    pub(super) fn pick<'a>(&self, attributes: &'a Attributes, bag: &Bag) -> Picked<'a> {
        let mut picked = Picked {
            found: [None; CONCEPT_COUNT],
            redacted: [false; CONCEPT_COUNT],
        };
        for (key, value) in attributes {
            let Some(meanings) = self.by_key.get(key.as_str()) else {
                continue;
            };
            let text = value.text(bag);
            for (concept, rank) in meanings {
                let slot = *concept as usize;
                match (value, text) {
                    (Value::Null, _) | (_, Some("")) => continue,
                    (_, Some(text)) if text.len() < 64 => {
                        if text::is_redacted(text) {
                            picked.redacted[slot] = true;
                            continue;
                        }
                        if !concept.is_content() && text::is_filler(text) {
                            continue;
                        }
                    }
                    _ => {}
                }
                if picked.found[slot].is_none_or(|(best, _, _)| *rank < best) {
                    picked.found[slot] = Some((*rank, key, value));
                }
            }
        }
        picked
    }
}

/// The best attribute per concept of one record.
pub(super) struct Picked<'a> {
    found: [Option<(u16, &'a str, &'a Value)>; CONCEPT_COUNT],
    redacted: [bool; CONCEPT_COUNT],
}

impl<'a> Picked<'a> {
    pub(super) fn value(&self, concept: Concept) -> Option<&'a Value> {
        self.found[concept as usize].map(|(_, _, value)| value)
    }

    /// The name under which the concept was found.
    pub(super) fn key(&self, concept: Concept) -> Option<&'a str> {
        self.found[concept as usize].map(|(_, key, _)| key)
    }

    pub(super) fn has(&self, concept: Concept) -> bool {
        self.found[concept as usize].is_some()
    }

    /// A redaction mark stands where the concept would be, and nothing else says it.
    pub(super) fn is_redacted(&self, concept: Concept) -> bool {
        self.redacted[concept as usize] && !self.has(concept)
    }

    /// A name or id; numbers are taken as text.
    pub(super) fn scalar<'b>(&self, concept: Concept, bag: &'b Bag) -> Option<Cow<'b, str>>
    where
        'a: 'b,
    {
        self.value(concept)?.scalar(bag)
    }

    /// A name or id as a shared word.
    pub(super) fn word(&self, concept: Concept, bag: &mut Bag) -> Option<Arc<str>> {
        let text = self.scalar(concept, bag)?.into_owned();
        Some(bag.word(&text))
    }

    pub(super) fn int(&self, concept: Concept) -> Option<i64> {
        self.value(concept)?.int()
    }

    pub(super) fn double(&self, concept: Concept) -> Option<f64> {
        self.value(concept)?.double()
    }

    pub(super) fn flag(&self, concept: Concept) -> Option<bool> {
        self.value(concept)?.flag()
    }

    /// Content as text: a string as it is, nested values as JSON.
    pub(super) fn content<'b>(&self, concept: Concept, bag: &'b Bag) -> Option<Cow<'b, str>>
    where
        'a: 'b,
    {
        Some(self.value(concept)?.content(bag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_names_win_and_absent_values_are_passed_over() {
        let names = Names::of(&[
            &[(Concept::Session, &["own.session"])],
            &[(Concept::Session, &["session.id", "conversation"])],
        ]);
        let attributes = vec![
            ("conversation".to_owned(), Value::Text("c".into())),
            ("own.session".to_owned(), Value::Text("<REDACTED>".into())),
            ("session.id".to_owned(), Value::Int(7)),
        ];
        let bag = Bag::default();
        let picked = names.pick(&attributes, &bag);
        assert_eq!(picked.scalar(Concept::Session, &bag).as_deref(), Some("7"));
        assert_eq!(picked.key(Concept::Session), Some("session.id"));
        assert!(!picked.is_redacted(Concept::Session));
    }
}
