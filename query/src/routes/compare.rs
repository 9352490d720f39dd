//! `/compare`: two sessions side by side, or two groups of them.

use axum::Json;
use serde::{Deserialize, Serialize};
use store::Value;
use utoipa::{IntoParams, ToSchema};

use super::compare_groups::{self, GroupComparison};
use super::verdict::{Figures, read, span_ref};
use crate::compare::{self, Alignment, Pair, has_failed};
use crate::diff::{self, Beginning, TextDifference};
use crate::error::{ApiError, ErrorBody};
use crate::extract::ApiQuery;
use crate::findings::{Act, Session};
use crate::model::SpanRef;
use crate::reach::Reading;
use crate::rows::{self, text_param};
use crate::sql;
use crate::state::AppState;
use crate::tools::kind_of;

/// Steps that are told; of calls in which both agree from the start the first are left out.
const MAX_STEPS: usize = 5_000;
/// Turns of which the prompts are compared.
const MAX_TURNS: usize = 50;

/// What is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareFilter {
    /// The id of a session, or with `by` the value of a group.
    a: String,
    /// As `a`.
    b: String,
    /// Compares groups of sessions: by `harness`, `version` (of the harness, `2.1.3` or
    /// `claude-code 2.1.3`), `model`, `tag`.
    by: Option<String>,
}

/// Two sessions or two groups.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Compared {
    Sessions(Box<Comparison>),
    Groups(Box<GroupComparison>),
}

/// Two sessions side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comparison {
    a: Figures,
    b: Figures,
    /// B less A.
    delta: Delta,
    /// Where they first part, in words; null when all calls agree.
    divergence: Option<String>,
    /// Place in `steps` of the first step that is not the same.
    divergence_at: Option<usize>,
    /// Where the same call first fared differently, in words; null when none did.
    outcome_divergence: Option<String>,
    /// Place in `steps` of the first call that failed in one session only.
    outcome_divergence_at: Option<usize>,
    /// The tool calls of both, aligned.
    steps: Vec<CompareStep>,
    /// Steps at the beginning, in which both agree, that are left out of `steps`.
    omitted_steps: usize,
    /// Calls at the end of long sessions were not aligned.
    truncated: bool,
    /// What the calls at the divergence were given.
    divergence_input: Option<TextDifference>,
    /// The prompts of turns that differ, or that one session alone has.
    prompts: Vec<PromptDifference>,
    /// The system prompts.
    context: Option<TextDifference>,
    /// The tools that were called, and how often.
    tools: Vec<ToolUse>,
}

/// What B has more than A.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delta {
    turn_count: i64,
    model_request_count: i64,
    tool_call_count: i64,
    error_count: i64,
    denied_count: i64,
    input_tokens: i64,
    output_tokens: i64,
    /// Null when the cost of one is not known.
    cost_usd: Option<f64>,
    duration_ns: i64,
}

/// One step of the alignment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompareStep {
    /// `same`, `varied` (the same kind of call with other arguments), `only_a`, `only_b`.
    kind: &'static str,
    a: Option<CompareCall>,
    b: Option<CompareCall>,
}

/// A call of an aligned step.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CompareCall {
    span: SpanRef,
    tool: String,
    detail: Option<String>,
    is_error: bool,
}

/// The prompts of a turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PromptDifference {
    turn: i64,
    difference: TextDifference,
}

/// How often both called a tool. A kind of tool that harnesses name differently is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolUse {
    tool: String,
    a_count: i64,
    b_count: i64,
    a_failed_count: i64,
    b_failed_count: i64,
}

/// Where do two runs part? Or with `by`: how do the sessions of two groups differ?
#[utoipa::path(get, path = "/compare", params(CompareFilter), tag = "findings",
    responses((status = 200, body = Compared), (status = 400, body = ErrorBody),
        (status = 404, description = "No such session, or no session in a group", body = ErrorBody)))]
pub(crate) async fn compare_sessions(
    Reading(state): Reading,
    ApiQuery(filter): ApiQuery<CompareFilter>,
) -> Result<Json<Compared>, ApiError> {
    Ok(Json(match filter.by {
        Some(by) => {
            let groups = compare_groups::groups(&state, &by, &filter.a, &filter.b).await?;
            Compared::Groups(Box::new(groups))
        }
        None => Compared::Sessions(Box::new(sessions(&state, &filter.a, &filter.b).await?)),
    }))
}

async fn sessions(state: &AppState, id_a: &str, id_b: &str) -> Result<Comparison, ApiError> {
    let (a, session_a, _) = read(state, id_a).await?;
    let (b, session_b, _) = read(state, id_b).await?;
    let (context_a, context_b) = (context(state, id_a).await?, context(state, id_b).await?);
    let prompts = prompts(state, id_a, id_b).await?;
    // Aligning long sessions takes a while.
    let aligned = tokio::task::spawn_blocking(move || {
        let (calls_a, calls_b) = (calls(&session_a), calls(&session_b));
        let alignment = compare::align(&calls_a, &calls_b);
        Aligned::new(&calls_a, &calls_b, alignment)
    })
    .await
    .map_err(|error| ApiError::internal(&error))?;
    let at_divergence = aligned.divergence_at.and_then(|at| aligned.steps.get(at));
    let divergence_input = match at_divergence {
        Some(step) => inputs(state, step).await?,
        None => None,
    };
    Ok(Comparison {
        delta: delta(&a, &b),
        a,
        b,
        divergence: aligned.divergence,
        divergence_at: aligned.divergence_at,
        outcome_divergence: aligned.outcome_divergence,
        outcome_divergence_at: aligned.outcome_divergence_at,
        steps: aligned.steps,
        omitted_steps: aligned.omitted_steps,
        truncated: aligned.truncated,
        divergence_input,
        prompts,
        context: diff::difference(&context_a, &context_b),
        tools: aligned.tools,
    })
}

fn delta(a: &Figures, b: &Figures) -> Delta {
    Delta {
        turn_count: b.turn_count - a.turn_count,
        model_request_count: b.model_request_count - a.model_request_count,
        tool_call_count: b.tool_call_count - a.tool_call_count,
        error_count: b.error_count - a.error_count,
        denied_count: b.denied_count - a.denied_count,
        input_tokens: b.input_tokens - a.input_tokens,
        output_tokens: b.output_tokens - a.output_tokens,
        cost_usd: a.cost_usd.zip(b.cost_usd).map(|(a, b)| b - a),
        duration_ns: b.duration_ns - a.duration_ns,
    }
}

/// What the alignment of two sessions tells.
struct Aligned {
    steps: Vec<CompareStep>,
    omitted_steps: usize,
    divergence: Option<String>,
    divergence_at: Option<usize>,
    outcome_divergence: Option<String>,
    outcome_divergence_at: Option<usize>,
    truncated: bool,
    tools: Vec<ToolUse>,
}

impl Aligned {
    fn new(calls_a: &[&Act], calls_b: &[&Act], alignment: Alignment) -> Self {
        let Alignment {
            mut pairs,
            truncated,
        } = alignment;
        let agreed = pairs
            .iter()
            .position(|pair| !matches!(pair, Pair::Same(..)))
            .unwrap_or(pairs.len());
        let fared_differently = pairs.iter().position(|pair| match *pair {
            Pair::Same(a, b) => has_failed(calls_a[a]) != has_failed(calls_b[b]),
            _ => false,
        });
        let too_many = pairs.len().saturating_sub(MAX_STEPS);
        let omitted_steps = too_many
            .min(fared_differently.unwrap_or(agreed))
            .min(agreed);
        pairs.drain(..omitted_steps);
        pairs.truncate(MAX_STEPS);
        let call = |calls: &[&Act], at: Option<usize>| calls.get(at?).map(|act| shown_call(act));
        let steps: Vec<CompareStep> = pairs
            .iter()
            .map(|pair| {
                let (at_a, at_b) = pair.places();
                CompareStep {
                    kind: pair.word(),
                    a: call(calls_a, at_a),
                    b: call(calls_b, at_b),
                }
            })
            .collect();
        let divergence_at = Some(agreed - omitted_steps).filter(|at| *at < steps.len());
        let outcome_divergence_at = fared_differently.map(|at| at - omitted_steps);
        Self {
            divergence: divergence_at.map(|at| divergence(agreed, &steps[at..])),
            divergence_at,
            outcome_divergence: outcome_divergence_at
                .and_then(|at| steps.get(at))
                .map(|step| outcome_divergence(step, fared_differently.unwrap_or(0))),
            outcome_divergence_at,
            truncated: truncated || too_many > omitted_steps,
            tools: tools(calls_a, calls_b),
            omitted_steps,
            steps,
        }
    }
}

fn calls(session: &Session) -> Vec<&Act> {
    session.acts().iter().filter(|act| act.is_tool()).collect()
}

fn shown_call(act: &Act) -> CompareCall {
    CompareCall {
        span: span_ref(&act.key),
        tool: act.tool_words(),
        detail: act.detail.as_deref().map(str::to_owned),
        is_error: has_failed(act),
    }
}

fn words(call: &CompareCall) -> String {
    match call.detail.as_deref() {
        Some(detail) if !detail.is_empty() => format!("{} ({detail})", call.tool),
        _ => call.tool.clone(),
    }
}

/// Where two runs part, from the step on at which they do. Where one run alone made a call it is said what
/// the other did in its place.
fn divergence(agreed: usize, steps: &[CompareStep]) -> String {
    let next_of = |side: fn(&CompareStep) -> Option<&CompareCall>| steps.iter().find_map(side);
    let alone = |who: &str, call: &CompareCall, other: &str, next: Option<&CompareCall>| {
        let instead = match next {
            Some(next) => format!("{other} went on with {}", words(next)),
            None => format!("{other} made no further call"),
        };
        format!("only {who} called {}, where {instead}", words(call))
    };
    let then = match steps.first() {
        Some(CompareStep {
            a: Some(a),
            b: Some(b),
            ..
        }) => format!("A called {} and B {}", words(a), words(b)),
        Some(CompareStep { a: Some(a), .. }) => alone("A", a, "B", next_of(|step| step.b.as_ref())),
        Some(CompareStep { b: Some(b), .. }) => alone("B", b, "A", next_of(|step| step.a.as_ref())),
        _ => String::new(),
    };
    match agreed {
        0 => format!("They part at the first call: {then}."),
        1 => format!("They agree in one call, then {then}."),
        n => format!("They agree in {n} calls, then {then}."),
    }
}

fn outcome_divergence(step: &CompareStep, at: usize) -> String {
    let failed_in_a = step.a.as_ref().is_some_and(|call| call.is_error);
    let (failed, went_well) = if failed_in_a { ("A", "B") } else { ("B", "A") };
    let call = step.a.as_ref().map(words).unwrap_or_default();
    format!(
        "At step {} both called {call}, which failed in {failed} and not in {went_well}.",
        at + 1
    )
}

/// How often both called each tool, most called first.
fn tools(calls_a: &[&Act], calls_b: &[&Act]) -> Vec<ToolUse> {
    let mut tools: Vec<ToolUse> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let sides = [(calls_a, true), (calls_b, false)];
    for (act, is_a) in sides
        .into_iter()
        .flat_map(|(calls, is_a)| calls.iter().map(move |act| (act, is_a)))
    {
        let kind = kind_of(act);
        let place = *places.entry(kind.to_owned()).or_insert_with(|| {
            tools.push(ToolUse {
                tool: kind.to_owned(),
                a_count: 0,
                b_count: 0,
                a_failed_count: 0,
                b_failed_count: 0,
            });
            tools.len() - 1
        });
        let tool = &mut tools[place];
        let failed = i64::from(has_failed(act));
        if is_a {
            tool.a_count += 1;
            tool.a_failed_count += failed;
        } else {
            tool.b_count += 1;
            tool.b_failed_count += failed;
        }
    }
    tools.sort_by_key(|tool| -(tool.a_count + tool.b_count));
    tools
}

/// What the calls of a step were given.
async fn inputs(state: &AppState, step: &CompareStep) -> Result<Option<TextDifference>, ApiError> {
    let part = |call: &Option<CompareCall>, of: fn(&SpanRef) -> &String| {
        text_param(call.as_ref().map(|call| of(&call.span).as_str()))
    };
    let parameters = vec![
        part(&step.a, |span| &span.trace_id),
        part(&step.a, |span| &span.span_id),
        part(&step.b, |span| &span.trace_id),
        part(&step.b, |span| &span.span_id),
        Value::Int(diff::COMPARED_BYTES as i64),
    ];
    let table = state.read(sql::COMPARE_PAYLOADS, parameters).await?;
    let input = |call: &Option<CompareCall>| {
        let Some(call) = call else {
            return Beginning::default();
        };
        let row = rows::rows(&table).find(|row| {
            row.str("trace_id") == Some(&call.span.trace_id)
                && row.str("span_id") == Some(&call.span.span_id)
        });
        row.map_or_else(Beginning::default, |row| Beginning {
            text: row.text("input"),
            size_bytes: row.int("input_size"),
        })
    };
    Ok(diff::difference(&input(&step.a), &input(&step.b)))
}

/// The system prompt of a session.
async fn context(state: &AppState, session_id: &str) -> Result<Beginning, ApiError> {
    let parameters = vec![
        text_param(Some(session_id)),
        Value::Int(diff::COMPARED_BYTES as i64),
    ];
    let table = state.read(sql::COMPARE_CONTEXT, parameters).await?;
    let row = rows::rows(&table).next();
    Ok(row.map_or_else(Beginning::default, |row| Beginning {
        text: row.text("content"),
        size_bytes: row.int("size"),
    }))
}

/// The prompts of both sessions, turn by turn, as far as they differ.
async fn prompts(
    state: &AppState,
    id_a: &str,
    id_b: &str,
) -> Result<Vec<PromptDifference>, ApiError> {
    let mut sides = Vec::new();
    for id in [id_a, id_b] {
        let parameters = vec![
            text_param(Some(id)),
            Value::Int(MAX_TURNS as i64),
            Value::Int(diff::COMPARED_BYTES as i64),
        ];
        let table = state.read(sql::COMPARE_PROMPTS, parameters).await?;
        let side: Vec<(i64, Beginning)> = rows::rows(&table)
            .map(|row| {
                let prompt = Beginning {
                    text: row.text("prompt"),
                    size_bytes: row.int("size"),
                };
                (row.count("turn"), prompt)
            })
            .collect();
        sides.push(side);
    }
    let of = |side: usize, at: usize| sides.get(side).and_then(|side: &Vec<_>| side.get(at));
    let nothing = (0, Beginning::default());
    let longest = sides.iter().map(Vec::len).max().unwrap_or(0);
    Ok((0..longest)
        .filter_map(|at| {
            let (a, b) = (of(0, at), of(1, at));
            let turn = a.or(b).map_or(0, |(turn, _)| *turn);
            let difference = diff::difference(&a.unwrap_or(&nothing).1, &b.unwrap_or(&nothing).1)?;
            (!difference.same).then_some(PromptDifference { turn, difference })
        })
        .collect())
}
