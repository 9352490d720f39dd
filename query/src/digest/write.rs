//! Lays a digest out, in Markdown or JSON.

use std::fmt::Write as _;

use super::candidates::Candidate;
use super::facts::{
    ActFact, Digest, Fact, FilesFact, FindingFact, Head, LeftOut, Quote, Section, SessionDigest,
    TurnFact, WhyFact,
};
use super::gather::Material;
use super::select::Chosen;
use super::{Format, Wanted};
use crate::findings::{duration_words, grouped};
use crate::model::SpanRef;
use crate::recorded::{NOTICE, fenced, line};
use crate::tokens::estimate;
use crate::visible::escaped_json;

/// What stands around the facts takes at most this much: notice, how to see more, fences.
pub(super) const FRAME_TOKENS: usize = 300;
/// Headings of sections and the line on what was left out, for each session.
const SESSION_TOKENS: usize = 90;

/// Tokens that a fact takes in a digest, with its share of what surrounds it.
pub(super) fn size_of(fact: &Fact, format: Format) -> usize {
    let text = match format {
        Format::Md => markdown(fact),
        Format::Json => escaped_json(&serde_json::to_string(fact).unwrap_or_default()) + ",",
    };
    let around = match fact {
        Fact::Head(head) if head.more.is_none() => SESSION_TOKENS,
        _ => 0,
    };
    estimate(&text) + around
}

/// The digest of what was chosen.
pub(super) fn document(
    material: &Material,
    candidates: &[Candidate],
    chosen: &Chosen,
    wanted: &Wanted,
) -> String {
    let told = sessions(candidates, chosen);
    let left_out = material.sessions.len() - told.len();
    let links = &wanted.links;
    let more = format!(
        "Times are [m:ss] since the session's start. Open {links}/replay/SESSION?span=TRACE:SPAN in a \
         browser. A larger budget tells more: `spanreel pull SESSION --budget N`, or the MCP tool \
         session_digest. One act whole: get_span. One text whole: read_payload, or \
         {links}/api/v1/payloads/HASH."
    );
    match wanted.format {
        Format::Json => {
            let digest = Digest {
                notice: NOTICE,
                budget_tokens: wanted.budget_tokens,
                // As long as any estimate within the budget.
                estimated_tokens: wanted.budget_tokens,
                how_to_see_more: more,
                sessions: told.into_iter().map(|told| told.digest).collect(),
                left_out_sessions: left_out,
            };
            let write =
                |digest: &Digest| escaped_json(&serde_json::to_string(digest).unwrap_or_default());
            let estimated_tokens = estimate(&write(&digest));
            write(&Digest {
                estimated_tokens,
                ..digest
            })
        }
        Format::Md => {
            let mut body = String::new();
            for (at, session) in told.iter().enumerate() {
                if at > 0 {
                    body.push('\n');
                }
                write_session(&mut body, &session.facts, &session.digest.left_out);
            }
            let plus = if material.has_more { "+" } else { "" };
            let total = material.sessions.len();
            let heading = match (total, left_out) {
                (0, _) => "no session matches".to_owned(),
                (1, 0) => "one session".to_owned(),
                (_, 0) => format!("{total} sessions"),
                _ => format!(
                    "{} of {total}{plus} sessions, those first in which something went wrong",
                    told.len()
                ),
            };
            let mut text = format!(
                "# Spanreel digest: {heading}\n\n{NOTICE}\nWritten for a budget of {} tokens (estimated from above). {more}\n",
                grouped(wanted.budget_tokens as i64)
            );
            if !body.is_empty() {
                let _ = write!(text, "\n{}", fenced(&body));
            }
            if left_out > 0 {
                let _ = write!(
                    text,
                    "\nLeft out: {left_out}{plus} sessions. Narrow the filter, or raise the budget.\n"
                );
            }
            text
        }
    }
}

/// What is told of one session.
struct Told<'a> {
    /// Place in the material.
    session: usize,
    /// In the order of the sections.
    facts: Vec<(Section, &'a Fact)>,
    /// The same as a shape for JSON, and what is left out.
    digest: SessionDigest,
}

/// The chosen facts of each session that is told of.
fn sessions<'a>(candidates: &'a [Candidate], chosen: &Chosen) -> Vec<Told<'a>> {
    let mut sessions: Vec<Told<'_>> = Vec::new();
    // Candidates come session by session, and within one in the order of sections and places.
    for (at, candidate) in candidates.iter().enumerate() {
        let fact = chosen.fact(candidates, at);
        if candidate.section == Section::Head && fact.is_some() {
            sessions.push(Told {
                session: candidate.session,
                facts: Vec::new(),
                digest: SessionDigest::default(),
            });
        }
        let Some(told) = sessions
            .last_mut()
            .filter(|told| told.session == candidate.session)
        else {
            continue;
        };
        match fact {
            None => count_left_out(&mut told.digest.left_out, candidate.section),
            Some(fact) => {
                let is_shortened = chosen.is_shortened(candidates, at);
                told.digest.left_out.shortened += usize::from(is_shortened);
                told.facts.push((candidate.section, fact));
                put(&mut told.digest, fact.clone());
            }
        }
    }
    sessions
}

fn put(digest: &mut SessionDigest, fact: Fact) {
    match fact {
        Fact::Head(head) => digest.session = head,
        Fact::Why(why) => digest.why = Some(why),
        Fact::Finding(finding) => digest.findings.push(finding),
        Fact::Turn(turn) => digest.turns.push(turn),
        Fact::Act(act) => digest.acts.push(act),
        Fact::Files(files) => digest.files = Some(files),
        Fact::Child(child) => digest.children.push(child),
    }
}

fn count_left_out(left_out: &mut LeftOut, section: Section) {
    match section {
        Section::Findings => left_out.findings += 1,
        Section::Turns => left_out.turns += 1,
        Section::Acts => left_out.acts += 1,
        Section::Children => left_out.children += 1,
        Section::Head | Section::Why | Section::Files => left_out.shortened += 1,
    }
}

fn write_session(out: &mut String, facts: &[(Section, &Fact)], left_out: &LeftOut) {
    let mut last = Section::Head;
    for (section, fact) in facts {
        if *section != last {
            let heading = match section {
                Section::Findings => "findings:\n",
                Section::Turns => "turns:\n",
                Section::Acts => "acts:\n",
                Section::Children => "sessions it started:\n",
                Section::Head | Section::Why | Section::Files => "",
            };
            out.push_str(heading);
            last = *section;
        }
        out.push_str(&markdown(fact));
    }
    let parts: Vec<String> = [
        (left_out.findings, "findings"),
        (left_out.turns, "turns"),
        (left_out.acts, "acts"),
        (left_out.children, "started sessions"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if !parts.is_empty() {
        let _ = writeln!(out, "left out: {}", parts.join(", "));
    }
    if left_out.shortened > 0 {
        let _ = writeln!(out, "shortened: {}", left_out.shortened);
    }
}

fn markdown(fact: &Fact) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = match fact {
        Fact::Head(head) => head_lines(&mut out, head),
        Fact::Why(why) => why_lines(&mut out, why),
        Fact::Finding(finding) => finding_lines(&mut out, finding),
        Fact::Turn(turn) => turn_lines(&mut out, turn),
        Fact::Act(act) => act_lines(&mut out, act),
        Fact::Files(files) => file_lines(&mut out, files),
        Fact::Child(child) => writeln!(
            out,
            "- {} {}: {}, {} tool calls, {} errors",
            line(&child.session_id, 200),
            child.title.as_deref().unwrap_or_default(),
            child.status,
            child.tool_call_count,
            child.error_count
        ),
    };
    out
}

fn head_lines(out: &mut String, head: &Head) -> std::fmt::Result {
    writeln!(out, "session {}", line(&head.session_id, 200))?;
    if let Some(title) = &head.title {
        writeln!(out, "title: {title}")?;
    }
    write!(out, "{}", head.status)?;
    if let Some(harness) = &head.harness {
        write!(out, ", {harness}")?;
    }
    write!(
        out,
        ", {}, {}; {} turns, {} model requests, {} tool calls, {} errors, {} denied; tokens {} in, {} out",
        head.started_at.get(..19).unwrap_or(&head.started_at),
        duration_words(head.duration_ns),
        head.turn_count,
        head.model_request_count,
        head.tool_call_count,
        head.error_count,
        head.denied_count,
        grouped(head.input_tokens),
        grouped(head.output_tokens),
    )?;
    if let Some(cost) = head.cost_usd {
        write!(out, ", ${cost:.4}")?;
    }
    if !head.finding_kinds.is_empty() {
        write!(out, "; found: {}", head.finding_kinds.join(", "))?;
    }
    writeln!(out)?;
    let Some(more) = &head.more else {
        return Ok(());
    };
    let texts = [
        ("started by session", &more.parent_session_id),
        ("project", &more.project),
        ("host", &more.host),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            writeln!(out, "{name}: {}", line(text, 200))?;
        }
    }
    let lists = [
        ("models", &more.models),
        ("tools", &more.tools),
        ("tags", &more.tags),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            writeln!(out, "{name}: {}", list.join(", "))?;
        }
    }
    let counts = [
        ("subagents", more.subagent_count),
        ("tokens read from cache", more.cache_read_tokens),
        ("reasoning tokens", more.reasoning_tokens),
    ];
    for (name, count) in counts {
        if count > 0 {
            writeln!(out, "{name}: {}", grouped(count))?;
        }
    }
    Ok(())
}

fn why_lines(out: &mut String, why: &WhyFact) -> std::fmt::Result {
    writeln!(out, "why ({}): {}", why.mode, why.sentence)?;
    for evidence in &why.evidence {
        writeln!(out, "- {} {}", evidence.text, at_span(&evidence.span))?;
    }
    if let Some(change) = &why.change {
        writeln!(out, "before: {} {}", change.text, at_span(&change.span))?;
    }
    match &why.remedy {
        Some(remedy) => writeln!(out, "remedy: {remedy}"),
        None => Ok(()),
    }
}

fn finding_lines(out: &mut String, finding: &FindingFact) -> std::fmt::Result {
    write!(
        out,
        "- {} ({}, {}): {}",
        finding.kind, finding.severity, finding.confidence, finding.title
    )?;
    if let Some(explanation) = &finding.explanation {
        write!(out, " {explanation}")?;
    }
    if let Some(ns) = finding.wasted_ns {
        write!(out, " Wasted: {}", duration_words(ns))?;
        if let Some(tokens) = finding.wasted_tokens {
            write!(out, ", {} tokens", grouped(tokens))?;
        }
        write!(out, ".")?;
    }
    match (&finding.first_span, &finding.last_span) {
        (Some(first), Some(last)) => writeln!(out, " {} to {}", at_span(first), at_span(last)),
        (Some(only), None) => writeln!(out, " {}", at_span(only)),
        _ => writeln!(out),
    }
}

fn turn_lines(out: &mut String, turn: &TurnFact) -> std::fmt::Result {
    writeln!(
        out,
        "- [{}] turn {}: {}, {} tool calls, {} errors",
        turn.at,
        turn.turn,
        duration_words(turn.duration_ns),
        turn.tool_call_count,
        turn.error_count
    )?;
    for (name, text) in [("prompt", &turn.prompt), ("answer", &turn.response)] {
        if let Some(quote) = text {
            quote_lines(out, name, quote)?;
        }
    }
    Ok(())
}

fn quote_lines(out: &mut String, name: &str, quote: &Quote) -> std::fmt::Result {
    let mut lines = quote.text.trim_end().lines();
    writeln!(out, "  {name}: {}", lines.next().unwrap_or_default())?;
    for line in lines {
        writeln!(out, "    {line}")?;
    }
    match &quote.payload_hash {
        Some(hash) => writeln!(
            out,
            "    … {} bytes in all, payload {hash}",
            grouped(quote.size_bytes)
        ),
        None => Ok(()),
    }
}

fn act_lines(out: &mut String, act: &ActFact) -> std::fmt::Result {
    write!(out, "- [{}] ", act.at)?;
    if act.count > 1 {
        write!(out, "{} times ", act.count)?;
    }
    if let Some(agent) = &act.agent {
        write!(out, "{agent}: ")?;
    }
    write!(out, "{}", act.what)?;
    if let Some(detail) = &act.detail {
        write!(out, " ({detail})")?;
    }
    if act.outcome != "ok" {
        write!(out, " {}", act.outcome)?;
    }
    if let Some(source) = &act.decision_source {
        write!(out, " by {source}")?;
    }
    if let Some(error) = &act.error {
        write!(out, ": {error}")?;
    }
    writeln!(out, " {}", at_span(&act.span))?;
    for (name, hash) in [("input", &act.input_hash), ("output", &act.output_hash)] {
        if let Some(hash) = hash {
            writeln!(out, "  {name}: payload {hash}")?;
        }
    }
    Ok(())
}

fn file_lines(out: &mut String, files: &FilesFact) -> std::fmt::Result {
    writeln!(out, "files that calls name:")?;
    for file in &files.files {
        write!(out, "- {}: {} calls", file.path, file.call_count)?;
        if file.error_count > 0 {
            write!(out, ", {} failed", file.error_count)?;
        }
        writeln!(out, " ({})", file.tools.join(", "))?;
    }
    match files.more {
        0 => Ok(()),
        more => writeln!(out, "- and {more} more"),
    }
}

fn at_span(span: &SpanRef) -> String {
    format!("[{}:{}]", span.trace_id, span.span_id)
}
