//! What model requests used and cost, where that is known only of all their records together.

use std::collections::HashMap;
use std::sync::Arc;

use proto::agent::{CostSource, Operation, Origin};
use store::ActState;

use super::group::{Group, is_counted};
use crate::prices::{Price, Prices};

/// Prices the requests that count, by their joined tokens. Those of a model that the table does not
/// have stay without a cost.
pub(super) fn settle(group: &mut Group, prices: &Prices) {
    let mut known: HashMap<Arc<str>, Option<&Price>> = HashMap::new();
    for act in &mut group.acts {
        if act.operation == Operation::Model && is_counted(act) {
            add_thoughts(act);
        }
        if act.facts.cost_usd.is_some()
            || !matches!(act.operation, Operation::Model | Operation::Embedding)
            || !is_counted(act)
        {
            continue;
        }
        let Some(model) = &act.facts.model else {
            continue;
        };
        let price = *known
            .entry(model.clone())
            .or_insert_with(|| prices.of_model(model));
        if let Some(cost) = price.and_then(|price| price.cost_usd(&act.facts)) {
            act.facts.cost_usd = Some(cost);
            act.facts.cost_source = Some(CostSource::PriceTable);
        }
    }
}

/// Gemini CLI's telemetry counts thoughts beside the answer; ours is the sum. Its span knows the one count
/// and its log record the other. What is read of its transcripts is the sum already.
fn add_thoughts(act: &mut ActState) {
    let facts = &mut act.facts;
    if facts.harness.as_deref() == Some("gemini-cli")
        && matches!(act.origin, Origin::Span | Origin::Log)
    {
        let thoughts = facts.reasoning_tokens.unwrap_or(0).max(0);
        facts.output_tokens = facts
            .output_tokens
            .map(|output| output.saturating_add(thoughts));
    }
}
