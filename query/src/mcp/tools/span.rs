//! `get_span`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Mcp, hex_id};
use crate::mcp::answer::{Budget, Refused, Said, beginning};
use crate::mcp::ask::Question;
use crate::recorded::line;
use crate::tokens::estimate;
use crate::visible::visible;

/// Arguments of `get_span`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpanArgs {
    /// The span, 16 hex digits.
    span_id: String,
    /// Its trace, 32 hex digits; needed only where several traces have a span of this id.
    trace_id: Option<String>,
    /// Which parts of it; facts, findings, input, output, messages, events, related and attributes when
    /// absent. The budget is shared among the parts that are asked for.
    #[serde(default)]
    parts: Vec<Part>,
    /// Most tokens of the answer, 500 to 20000; 4000 when absent.
    budget_tokens: Option<usize>,
}

/// A part of what is known of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Facts,
    Findings,
    Input,
    Output,
    /// Of a model request: what it was given beyond the request before, and its answer.
    Messages,
    Events,
    Related,
    Attributes,
    Resource,
}

const USUAL: [Part; 8] = [
    Part::Facts,
    Part::Findings,
    Part::Input,
    Part::Output,
    Part::Messages,
    Part::Events,
    Part::Related,
    Part::Attributes,
];

#[tool_router(router = span_router, vis = "pub(super)")]
impl Mcp {
    #[tool(
        name = "get_span",
        description = "One recorded act (model request, tool call, hook, agent …) with everything: times, status, error, decision, tokens, input and output, messages that were new to a model request, events, attributes, related spans, findings. Parts that do not fit are cut and name the hash that read_payload reads on from; `parts` narrows it."
    )]
    async fn get_span(&self, Parameters(args): Parameters<SpanArgs>) -> Result<Said, Refused> {
        let budget = Budget::of(args.budget_tokens)?;
        let span_id = hex_id("span_id", &args.span_id, 16)?;
        let trace_id = match &args.trace_id {
            Some(trace_id) => hex_id("trace_id", trace_id, 32)?,
            None => self.trace_of(&span_id).await?,
        };
        let span: Json = self.get(format!("/spans/{trace_id}/{span_id}")).await?;
        let wanted = match args.parts.as_slice() {
            [] => USUAL.as_slice(),
            parts => parts,
        };
        let sections: Vec<Section> = wanted
            .iter()
            .filter_map(|part| section(*part, &span))
            .collect();
        let lead = format!("Span {span_id} of trace {trace_id}.");
        let (body, is_cut) = share(&sections, budget.within(&lead));
        let more = match is_cut {
            true => {
                "Parts were cut: read_payload reads a text on by its hash; `parts` with fewer parts, or a larger budget_tokens, shows more of each."
            }
            false => "",
        };
        Ok(Said::quoted(&lead, &body, more, budget))
    }
}

impl Mcp {
    /// The one trace that has a span of this id.
    async fn trace_of(&self, span_id: &str) -> Result<String, Refused> {
        let question = Question {
            path: "/sql".to_owned(),
            body: Some(json!({
                "sql": "select trace_id from spans where span_id = ? limit 5",
                "params": [span_id],
            })),
            range: None,
        };
        let answer: Json = self.json(question).await?;
        let traces: Vec<&str> = answer["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|row| row[0].as_str())
            .collect();
        match traces.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => Err(Refused(format!(
                "there is no span {span_id}; session_tree shows the ids of a session's spans"
            ))),
            several => Err(Refused(format!(
                "several traces have a span {span_id}: give trace_id, one of {}",
                several.join(", ")
            ))),
        }
    }
}

/// A part in words.
struct Section {
    heading: String,
    text: String,
    /// What follows when the text is cut.
    whole: String,
}

fn section(part: Part, span: &Json) -> Option<Section> {
    let plain = |heading: &str, text: String| Section {
        heading: heading.to_owned(),
        text,
        whole: String::new(),
    };
    let section = match part {
        Part::Facts => plain("facts", facts(&span["span"])),
        Part::Findings => plain("findings", findings(&span["findings"])),
        Part::Input => return payload("input", &span["input"]),
        Part::Output => return payload("output", &span["output"]),
        Part::Messages => plain("messages", messages(&span["messages"])),
        Part::Events => plain("events", items(&span["events"])),
        Part::Related => plain("related spans", items(&span["related"])),
        Part::Attributes => plain("attributes", items(&span["attributes"])),
        Part::Resource => plain("resource", items(&span["resource"])),
    };
    (!section.text.is_empty()).then_some(section)
}

fn facts(span: &Json) -> String {
    let mut out = String::new();
    for (name, value) in span.as_object().into_iter().flatten() {
        match value {
            Json::Null => {}
            Json::String(text) => out.push_str(&format!("{name}: {}\n", line(text, 600))),
            other => out.push_str(&format!("{name}: {other}\n")),
        }
    }
    out
}

fn findings(findings: &Json) -> String {
    let mut out = String::new();
    for finding in findings.as_array().into_iter().flatten() {
        let text = |name: &str| line(finding[name].as_str().unwrap_or_default(), 400);
        out.push_str(&format!(
            "- {} ({}, {}): {} {}\n",
            text("kind"),
            text("severity"),
            text("confidence"),
            text("title"),
            text("explanation")
        ));
    }
    out
}

fn payload(heading: &str, payload: &Json) -> Option<Section> {
    let text = payload["text"].as_str().filter(|text| !text.is_empty())?;
    let hash = payload["hash"].as_str().unwrap_or_default();
    let size = payload["size_bytes"].as_u64().unwrap_or(0);
    Some(Section {
        heading: format!("{heading} ({size} bytes)"),
        text: text.to_owned(),
        whole: format!("payload {hash}"),
    })
}

/// The messages that the request before did not have, and the answer.
fn messages(messages: &Json) -> String {
    if messages.is_null() {
        return String::new();
    }
    let unchanged = messages["unchanged_count"].as_u64().unwrap_or(0) as usize;
    let mut out = String::new();
    if unchanged > 0 {
        out.push_str(&format!(
            "({unchanged} messages as in the request before)\n"
        ));
    }
    let list = |name: &str| messages[name].as_array().cloned().unwrap_or_default();
    let input = list("input");
    let new = input.iter().skip(unchanged);
    for message in new.chain(&list("output")) {
        let role = line(message["role"].as_str().unwrap_or_default(), 40);
        for part in message["parts"].as_array().into_iter().flatten() {
            let text = |name: &str| part[name].as_str().unwrap_or_default();
            out.push_str(&format!(
                "{role} {} {}\n{}\n",
                line(text("part_type"), 40),
                line(text("name"), 80),
                text("content")
            ));
        }
    }
    out
}

/// One line for each item of a list or field of an object.
fn items(value: &Json) -> String {
    let mut out = String::new();
    match value {
        Json::Array(items) => {
            for item in items {
                out.push_str(&format!("- {}\n", line(&item.to_string(), 2_000)));
            }
        }
        Json::Object(fields) => {
            for (name, field) in fields {
                let text = match field {
                    Json::String(text) => line(text, 2_000),
                    other => line(&other.to_string(), 2_000),
                };
                out.push_str(&format!("{}: {text}\n", line(name, 200)));
            }
        }
        _ => {}
    }
    out
}

/// The sections, cut so that they take at most `tokens`: small ones whole, the others as much as is
/// left for each. Tells whether anything was cut.
fn share(sections: &[Section], tokens: usize) -> (String, bool) {
    const AROUND: usize = 12;
    let sizes: Vec<usize> = sections
        .iter()
        .map(|section| {
            let beside = estimate(&section.heading) + estimate(&section.whole) + AROUND;
            beside + estimate(&visible(&section.text))
        })
        .collect();
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|at| sizes[*at]);
    let mut left = tokens;
    let mut shares = vec![0; sections.len()];
    for (done, at) in order.iter().enumerate() {
        shares[*at] = sizes[*at].min(left / (sections.len() - done));
        left -= shares[*at];
    }
    let mut out = String::new();
    let mut is_cut = false;
    for (at, section) in sections.iter().enumerate() {
        let beside = estimate(&section.heading) + estimate(&section.whole) + AROUND;
        let Some(room) = shares[at].checked_sub(beside) else {
            is_cut = true;
            continue;
        };
        let shown = beginning(&section.text, room);
        out.push_str(&format!("{}:\n{}\n", section.heading, shown.trim_end()));
        if shown.len() < section.text.len() {
            is_cut = true;
            let cut = format!("… cut at byte {} {}\n", shown.len(), section.whole);
            out.push_str(&cut);
        }
    }
    (out, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_stay_whole_and_large_ones_share_the_rest() {
        let section = |heading: &str, text: String| Section {
            heading: heading.to_owned(),
            text,
            whole: "payload 00".to_owned(),
        };
        let sections = [
            section("small", "one line".to_owned()),
            section("large", "words ".repeat(5_000)),
            section("larger", "日本語 ".repeat(9_000)),
        ];
        for tokens in [20, 100, 900, 9_000] {
            let (text, is_cut) = share(&sections, tokens);
            assert!(is_cut);
            assert!(estimate(&text) <= tokens, "{tokens}: {}", estimate(&text));
        }
        let (text, _) = share(&sections, 900);
        assert!(
            text.contains("one line") && text.contains("larger:") && text.contains("cut at byte")
        );
    }
}
