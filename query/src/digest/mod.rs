//! A digest: what matters of one session or of many, in as many tokens as a model's context has left.
//!
//! [`gather`] reads what may be told, [`candidates`] puts it into [`facts`] of several lengths with a
//! weight each, [`select`] takes the weightiest that fit, and [`write`] lays them out. The result never
//! takes more than the budget by the estimate of [`crate::tokens`], and says what it leaves out.

mod candidates;
mod facts;
mod gather;
mod select;
mod write;

pub(crate) use facts::Digest;
pub(crate) use gather::{Material, gather};

/// Tokens when nobody says otherwise.
pub(crate) const DEFAULT_BUDGET: usize = 8_000;
/// Fewer do not hold the frame and one session.
pub(crate) const MIN_BUDGET: usize = 500;
/// More than today's models read at once is not composed.
pub(crate) const MAX_BUDGET: usize = 200_000;

/// How a digest is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Markdown: everything recorded stands between two fences.
    #[default]
    Md,
    Json,
}

/// What is wanted.
pub(crate) struct Wanted {
    /// Between [`MIN_BUDGET`] and [`MAX_BUDGET`].
    pub(crate) budget_tokens: usize,
    pub(crate) format: Format,
    /// Where the interface is, `http://localhost:7771`: links begin with it.
    pub(crate) links: String,
}

/// Writes the digest of `material`.
pub(crate) fn compose(material: &Material, wanted: &Wanted) -> String {
    let candidates = candidates::of(material);
    let measure = |fact: &facts::Fact| write::size_of(fact, wanted.format);
    let mut chosen = select::choose(
        &candidates,
        wanted.budget_tokens.saturating_sub(write::FRAME_TOKENS),
        measure,
    );
    loop {
        let text = write::document(material, &candidates, &chosen, wanted);
        if crate::tokens::estimate(&text) <= wanted.budget_tokens || !chosen.drop_last() {
            return text;
        }
    }
}

#[cfg(test)]
mod tests;
