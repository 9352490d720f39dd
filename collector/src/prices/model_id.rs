//! The spellings of a model's id. Vendors, clouds and routers put regions and vendor names in front
//! and versions, dates and variants behind; what stands between is the model.

/// Routing of Amazon Bedrock's inference profiles and its vendors, each with its dot.
const DOTTED_PREFIXES: &[&str] = &[
    "global.",
    "us.",
    "us-gov.",
    "eu.",
    "apac.",
    "jp.",
    "au.",
    "ca.",
    "sa.",
    "anthropic.",
    "openai.",
    "google.",
    "azure.",
    "bedrock.",
    "vertex.",
];

/// Calls `known` with one spelling after the other, from the id itself to its barest form, and returns
/// the first thing found.
pub(super) fn find<'a, T>(id: &str, known: impl Fn(&str) -> Option<&'a T>) -> Option<&'a T> {
    let id = id.trim().to_lowercase();
    if let Some(found) = known(&id) {
        return Some(found);
    }
    let mut name = id.rsplit('/').next().unwrap_or_default();
    // `openai:gpt-5` names a provider, `…-v1:0` a version.
    if let Some((provider, model)) = name.split_once(':')
        && !provider.contains(|ch: char| ch.is_ascii_digit())
    {
        name = model;
    }
    while let Some(rest) = DOTTED_PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
    {
        name = rest;
    }
    let mut name = name.to_owned();
    if name.starts_with("claude") {
        name = name.replace('.', "-");
    }
    loop {
        if let Some(found) = known(&name) {
            return Some(found);
        }
        name = shorter(&name)?.to_owned();
    }
}

/// The id without its last version, date or variant; `None` when it ends in none.
fn shorter(name: &str) -> Option<&str> {
    if let Some((rest, _)) = name.split_once(['@', '[']) {
        return Some(rest);
    }
    if let Some((rest, version)) = name.rsplit_once(':')
        && is_number(version)
    {
        return Some(rest);
    }
    if let Some(rest) = name.strip_suffix("-latest") {
        return Some(rest);
    }
    without_iso_date(name).or_else(|| {
        let (rest, last) = name.rsplit_once('-')?;
        let is_version = last.strip_prefix('v').is_some_and(is_number);
        let is_date = last.len() == 8 && last.starts_with("20") && is_number(last);
        // Google's stable builds: `-001`.
        let is_build = last.len() == 3 && last.starts_with("00") && is_number(last);
        (is_version || is_date || is_build).then_some(rest)
    })
}

/// Without a date of the form `-2025-08-07`.
fn without_iso_date(name: &str) -> Option<&str> {
    let (rest, date) = name.split_at_checked(name.len().checked_sub(11)?)?;
    let mut fields = date.strip_prefix('-')?.split('-');
    let mut is_field = |length: usize| {
        fields
            .next()
            .is_some_and(|field| field.len() == length && is_number(field))
    };
    (is_field(4) && is_field(2) && is_field(2)).then_some(rest)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "claude-sonnet-4-5",
        "claude-3-7-sonnet",
        "claude-opus-5-5",
        "gpt-4o",
        "gpt-4o-2024-05-13",
        "gpt-5-chat",
        "gemini-2.0-flash",
        "o3",
    ];

    fn found(id: &str) -> Option<&'static str> {
        find(id, |name| NAMES.iter().find(|known| **known == name)).copied()
    }

    #[test]
    fn spellings_of_vendors_clouds_and_routers() {
        for (id, name) in [
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("Claude-Sonnet-4-5", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("claude-sonnet-4-5@default", "claude-sonnet-4-5"),
            ("claude-opus-5-5[1m]", "claude-opus-5-5"),
            (
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "claude-sonnet-4-5",
            ),
            (
                "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
                "claude-3-7-sonnet",
            ),
            (
                "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "claude-sonnet-4-5",
            ),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "claude-sonnet-4-5",
            ),
            (
                "publishers/anthropic/models/claude-sonnet-4-5@20250929",
                "claude-sonnet-4-5",
            ),
            ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
            ("claude-3-7-sonnet-latest", "claude-3-7-sonnet"),
            ("openai:gpt-4o", "gpt-4o"),
            ("azure/gpt-4o-2024-11-20", "gpt-4o"),
            ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
            ("gpt-5-chat-latest", "gpt-5-chat"),
            ("models/gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("o3-2025-04-16", "o3"),
        ] {
            assert_eq!(found(id), Some(name), "{id}");
        }
    }

    #[test]
    fn another_model_is_not_taken_for_a_known_one() {
        for id in [
            "",
            "-",
            "claude",
            "claude-sonnet-4-5-mini",
            "gpt-4o-mini",
            "gpt-4o-realtime-preview-2024-12-17",
            "o3-mini",
            "gemini-2.0-flash-lite",
            "gpt-4o:free",
            "é-2025-08-0é",
            "fake-model",
        ] {
            assert_eq!(found(id), None, "{id}");
        }
    }
}
