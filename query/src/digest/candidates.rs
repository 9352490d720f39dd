//! What may be told, in several lengths, each with its weight.

use proto::agent::Operation;
use store::FindingRow;

use super::facts::{
    ActFact, ChildFact, EvidenceFact, Fact, FileFact, FilesFact, FindingFact, Head, HeadMore,
    Quote, Section, TurnFact, WhyFact,
};
use super::gather::{Deep, Material, Text, TurnText};
use crate::findings::{Act, Evidence, Verdict};
use crate::model::SessionRow;
use crate::recorded::{head, line};
use crate::routes::verdict::span_ref;

/// Sessions that are at least named, at most.
const MAX_NAMED: usize = 300;
/// Acts without importance of their own that are offered from the start and from the end of a run.
const FIRST_ACTS: usize = 300;
const LAST_ACTS: usize = 1_000;
/// Bytes of a prompt or answer, by level.
const TEXT_BYTES: [usize; 3] = [200, 1_000, 6_000];
/// Files, by level.
const FILES: [usize; 3] = [5, 20, 200];

/// Something that may be told, shorter and longer.
pub(super) struct Candidate {
    /// Place of its session in the material.
    pub(super) session: usize,
    pub(super) section: Section,
    /// From the shortest to the longest, each with the weight of telling that much.
    pub(super) levels: Vec<(f64, Fact)>,
}

/// Everything that may be told of `material`, session by session and in the order of telling.
///
/// The weights are of our own choosing, from what one asks first of a run: which it was, why it went
/// wrong, what was asked of it and how it ended, what was found, failed and denied, what it did last.
/// Each further session counts less than the one before.
pub(super) fn of(material: &Material) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (session, told) in material.sessions.iter().enumerate().take(MAX_NAMED) {
        let rank = session as f64;
        let mut add = |section, levels| {
            all.push(Candidate {
                session,
                section,
                levels,
            });
        };
        let named = 1_000.0 * 0.97_f64.powf(rank);
        let scale = 0.85_f64.powf(rank);
        let levels = vec![
            (named, Fact::Head(session_head(&told.row, false))),
            (840.0 * scale, Fact::Head(session_head(&told.row, true))),
        ];
        add(Section::Head, levels);
        let Some(deep) = &told.deep else { continue };
        let mut scaled = |section, levels: Vec<(f64, Fact)>| {
            let levels = levels
                .into_iter()
                .map(|(weight, fact)| (weight * scale, fact));
            add(section, levels.collect());
        };
        scaled(Section::Why, why(&deep.verdict));
        for (place, finding) in deep.findings.iter().enumerate() {
            scaled(Section::Findings, finding_levels(finding, place));
        }
        let start_ns = start_of(deep);
        for (place, turn) in deep.turns.iter().enumerate() {
            let behind = deep.turns.len() - 1 - place;
            scaled(Section::Turns, turn_levels(turn, behind, start_ns));
        }
        let groups = groups(&deep.acts);
        let last_error = groups.iter().rposition(|group| group.outcome == "error");
        for (place, group) in groups.iter().enumerate() {
            let behind = groups.len() - 1 - place;
            let weight = group_weight(group, behind, last_error == Some(place));
            if group.outcome != "ok" || place < FIRST_ACTS || behind < LAST_ACTS {
                scaled(Section::Acts, act_levels(group, weight, start_ns));
            }
        }
        if !deep.files.is_empty() {
            scaled(Section::Files, files(deep));
        }
        for (place, child) in deep.children.iter().enumerate() {
            let weight = 340.0 / (1.0 + place as f64 / 20.0);
            scaled(Section::Children, vec![(weight, self::child(child))]);
        }
    }
    all
}

fn session_head(row: &SessionRow, with_more: bool) -> Head {
    let short = |text: &Option<String>, chars| text.as_ref().map(|text| line(text, chars));
    let names = |names: &[String]| {
        names
            .iter()
            .take(20)
            .map(|name| line(name, 60))
            .collect::<Vec<_>>()
    };
    Head {
        session_id: row.session_id.clone(),
        title: short(&row.title, 100),
        status: row.status.clone(),
        harness: short(&row.harness, 40),
        started_at: row.started_at.clone(),
        duration_ns: row.duration_ns,
        turn_count: row.turn_count,
        model_request_count: row.model_request_count,
        tool_call_count: row.tool_call_count,
        error_count: row.error_count,
        denied_count: row.denied_count,
        finding_kinds: row.finding_kinds.clone(),
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        cost_usd: row.cost_usd,
        more: with_more.then(|| HeadMore {
            parent_session_id: row.parent_session_id.clone(),
            project: short(&row.project, 120),
            host: short(&row.host, 60),
            models: names(&row.models),
            tools: names(&row.tools),
            tags: names(&row.tags),
            subagent_count: row.subagent_count,
            cache_read_tokens: row.cache_read_tokens,
            reasoning_tokens: row.reasoning_tokens,
        }),
    }
}

fn why(verdict: &Verdict) -> Vec<(f64, Fact)> {
    let shown = |evidence: &Evidence| EvidenceFact {
        text: line(&evidence.text, 240),
        span: span_ref(&evidence.span),
    };
    let short = WhyFact {
        mode: verdict.mode.word().to_owned(),
        sentence: line(&verdict.sentence, 300),
        evidence: Vec::new(),
        change: None,
        remedy: None,
    };
    let proved = WhyFact {
        sentence: line(&verdict.sentence, 1_000),
        evidence: verdict.evidence.iter().map(shown).collect(),
        ..short.clone()
    };
    let whole = WhyFact {
        change: verdict.change.as_ref().map(shown),
        remedy: Some(line(&verdict.remedy.text, 1_000)),
        ..proved.clone()
    };
    vec![
        (950.0, Fact::Why(short)),
        (730.0, Fact::Why(proved)),
        (560.0, Fact::Why(whole)),
    ]
}

fn finding_levels(finding: &FindingRow, place: usize) -> Vec<(f64, Fact)> {
    let base = match finding.severity.as_str() {
        "error" => 860.0,
        "warning" => 760.0,
        _ => 480.0,
    };
    let weight = base / (1.0 + place as f64 / 20.0);
    let short = FindingFact {
        kind: finding.kind.clone(),
        severity: finding.severity.clone(),
        confidence: finding.confidence.clone(),
        title: line(&finding.title, 200),
        repeat_count: finding.repeat_count,
        first_span: finding.spans.first().map(span_ref),
        explanation: None,
        last_span: None,
        wasted_tokens: None,
        wasted_ns: None,
    };
    let whole = FindingFact {
        explanation: Some(line(&finding.explanation, 1_000)),
        last_span: finding.spans.get(1..).and_then(<[_]>::last).map(span_ref),
        wasted_tokens: Some(finding.wasted_tokens).filter(|tokens| *tokens > 0),
        wasted_ns: Some(finding.wasted_ns).filter(|ns| *ns > 0),
        ..short.clone()
    };
    vec![
        (weight, Fact::Finding(short)),
        (weight * 0.6, Fact::Finding(whole)),
    ]
}

fn turn_levels(turn: &TurnText, behind: usize, start_ns: i64) -> Vec<(f64, Fact)> {
    let base = match (turn.turn, behind) {
        (_, 0) => 820.0,
        (0 | 1, _) => 800.0,
        _ => 500.0 / (1.0 + behind as f64 / 30.0),
    };
    let fact = |bytes| {
        Fact::Turn(TurnFact {
            turn: turn.turn,
            at: offset(turn.start_ns - start_ns),
            duration_ns: turn.duration_ns,
            tool_call_count: turn.tool_call_count,
            error_count: turn.error_count,
            prompt: turn.prompt.as_ref().map(|text| quote(text, bytes)),
            response: turn.response.as_ref().map(|text| quote(text, bytes)),
        })
    };
    let longest = [&turn.prompt, &turn.response]
        .into_iter()
        .flatten()
        .map(|text| text.head.len())
        .max()
        .unwrap_or(0);
    let mut levels = Vec::new();
    for (level, bytes) in TEXT_BYTES.into_iter().enumerate() {
        levels.push((base * [1.0, 0.62, 0.3][level], fact(bytes)));
        if longest <= bytes {
            break;
        }
    }
    levels
}

fn quote(text: &Text, bytes: usize) -> Quote {
    let shown = head(&text.head, bytes);
    let is_whole = text.is_whole && shown.len() == text.head.len();
    Quote {
        text: shown.to_owned(),
        size_bytes: text.size_bytes,
        payload_hash: text.hash.filter(|_| !is_whole).map(hex::encode),
    }
}

/// Acts alike in a row.
struct Group<'a> {
    first: &'a Act,
    last: &'a Act,
    count: usize,
    outcome: &'static str,
}

/// The acts that a digest lists, those alike in a row as one.
fn groups(acts: &[Act]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for act in acts {
        let outcome = outcome(act);
        let is_listed = matches!(act.operation, Operation::Tool | Operation::Skill)
            || (outcome != "ok" && !matches!(act.operation, Operation::Turn | Operation::Agent));
        if !is_listed {
            continue;
        }
        match groups.last_mut() {
            Some(group) if group.outcome == outcome && is_alike(group.last, act) => {
                group.last = act;
                group.count += 1;
            }
            _ => groups.push(Group {
                first: act,
                last: act,
                count: 1,
                outcome,
            }),
        }
    }
    groups
}

fn is_alike(a: &Act, b: &Act) -> bool {
    a.operation == b.operation
        && a.tool_name == b.tool_name
        && a.mcp_server == b.mcp_server
        && a.detail == b.detail
        && a.agent == b.agent
        && (a.tool_name.is_some() || a.name == b.name)
}

fn outcome(act: &Act) -> &'static str {
    match act {
        _ if act.is_denied() => "denied",
        _ if act.is_error => "error",
        _ if act.end_ns.is_none() => "unfinished",
        _ => "ok",
    }
}

fn group_weight(group: &Group<'_>, behind: usize, is_last_error: bool) -> f64 {
    let fading = 1.0 / (1.0 + behind as f64 / 50.0);
    let own = match group.outcome {
        _ if is_last_error => 880.0,
        "denied" => 720.0 * fading,
        "error" => 640.0 * fading,
        "unfinished" => 600.0 * fading,
        // Repeats without progress are worth more than single calls.
        _ if group.count >= 3 => 400.0 * fading,
        _ => 60.0 * fading,
    };
    let place: f64 = match behind {
        0..6 => 660.0,
        6..20 => 420.0,
        _ => 0.0,
    };
    own.max(place)
}

fn act_levels(group: &Group<'_>, weight: f64, start_ns: i64) -> Vec<(f64, Fact)> {
    let act = group.last;
    let hash = |hash: &Option<std::sync::Arc<[u8]>>| hash.as_ref().map(hex::encode);
    let is_plain = group.outcome == "ok";
    let what = match act.operation {
        Operation::Model => format!(
            "model request{}",
            act.model
                .as_deref()
                .map_or_else(String::new, |model| format!(" to {model}"))
        ),
        Operation::Tool | Operation::Skill => act.tool_words(),
        operation => format!("{} {}", operation.as_str(), act.name),
    };
    let short = ActFact {
        at: offset(group.first.start_ns - start_ns),
        count: group.count,
        what: line(&what, 100),
        detail: act.detail.as_deref().map(|detail| line(detail, 160)),
        outcome: group.outcome,
        agent: (!act.agent.is_empty()).then(|| line(&act.agent, 60)),
        error: act
            .error
            .as_deref()
            .filter(|_| !is_plain)
            .map(|error| line(error, 160)),
        decision_source: act
            .decision_source
            .as_deref()
            .filter(|_| group.outcome == "denied")
            .map(|source| line(source, 60)),
        span: span_ref(&act.key),
        input_hash: None,
        output_hash: None,
    };
    if is_plain {
        return vec![(weight, Fact::Act(short))];
    }
    let whole = ActFact {
        error: act.error.as_deref().map(|error| line(error, 1_000)),
        input_hash: hash(&act.input_hash),
        output_hash: hash(&act.output_hash),
        ..short.clone()
    };
    vec![(weight, Fact::Act(short)), (weight * 0.5, Fact::Act(whole))]
}

fn files(deep: &Deep) -> Vec<(f64, Fact)> {
    let mut levels = Vec::new();
    for (level, count) in FILES.into_iter().enumerate() {
        let files = deep.files.iter().take(count).map(|file| FileFact {
            path: line(&file.path, 200),
            call_count: file.calls,
            error_count: file.failed,
            tools: file.tools.iter().map(|tool| line(tool, 40)).collect(),
        });
        let fact = FilesFact {
            files: files.collect(),
            more: deep.files.len().saturating_sub(count),
        };
        levels.push(([420.0, 280.0, 70.0][level], Fact::Files(fact)));
        if deep.files.len() <= count {
            break;
        }
    }
    levels
}

fn child(row: &SessionRow) -> Fact {
    Fact::Child(ChildFact {
        session_id: row.session_id.clone(),
        title: row.title.as_ref().map(|title| line(title, 100)),
        status: row.status.clone(),
        tool_call_count: row.tool_call_count,
        error_count: row.error_count,
    })
}

fn start_of(deep: &Deep) -> i64 {
    let acts = deep.acts.first().map(|act| act.start_ns);
    let turns = deep.turns.iter().map(|turn| turn.start_ns).min();
    acts.into_iter().chain(turns).min().unwrap_or(0)
}

/// Time since the start, `m:ss`, or `h:mm:ss` from an hour on.
fn offset(ns: i64) -> String {
    let seconds = ns.max(0) / 1_000_000_000;
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}
