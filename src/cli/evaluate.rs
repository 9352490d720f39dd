//! `spanreel evaluate`: the detectors measured on labelled traces, beside plain rules.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use query::Assessment;
use serde_json::{Value, json};

use super::output::{self, Heading};
use super::progress::Progress;
use crate::args::{EvaluateArgs, ServeArgs};
use crate::failure::Failure;
use crate::serve;

/// Times that a trace is sent again when the server has its hands full.
const MAX_ATTEMPTS: usize = 100;

/// One labelled trace and what is said of it.
struct Example {
    trace_id: String,
    categories: Vec<String>,
    sessions: Vec<Assessment>,
}

/// A rule that says yes or no of each example, and how much so.
struct Measured {
    name: String,
    flagged: Vec<bool>,
    scores: Vec<f64>,
}

pub(super) async fn run(args: EvaluateArgs) -> Result<(), Failure> {
    let labels = labels(&args.folder)?;
    let settings = match &args.settings {
        Some(file) => serve::read_detector_settings(file)?,
        None => query::DetectorSettings::default(),
    };
    let scratch = Scratch::new()?;
    record(&args.folder, labels.keys().collect(), &scratch.0).await?;
    let progress = Progress::spinner("looking for findings");
    let store = serve::open_store(&scratch.0, 1 << 30).await?;
    let assessed = tokio::task::spawn_blocking(move || {
        let assessed = query::assess(&store, &settings);
        store.close();
        assessed
    })
    .await
    .context("assessing")?
    .map_err(|error| anyhow!(error))?;
    drop(progress);
    let examples = examples(labels, &assessed);
    let tables = [
        ("loops", &args.loops, loop_rules(&examples)),
        ("drift", &args.drift, drift_rules(&examples)),
    ];
    let mut report = serde_json::Map::new();
    for (name, categories, rules) in tables {
        let truth: Vec<bool> = examples
            .iter()
            .map(|example| example.categories.iter().any(|c| categories.contains(c)))
            .collect();
        let positive = truth.iter().filter(|truth| **truth).count();
        if args.json {
            let rows: Vec<Value> = rules.iter().map(|rule| rule.json(&truth)).collect();
            report.insert(
                name.to_owned(),
                json!({"categories": categories, "traces": truth.len(), "positive": positive, "rules": rows}),
            );
            continue;
        }
        output::print(&format!(
            "\n{name}: {positive} of {} traces have an error of {}",
            truth.len(),
            categories.join(", ")
        ))?;
        let headings = [
            Heading::text("rule"),
            Heading::number("flagged"),
            Heading::number("right"),
            Heading::number("precision"),
            Heading::number("recall"),
            Heading::number("F1"),
            Heading::number("AUC"),
        ];
        let rows = rules.iter().map(|rule| rule.row(&truth)).collect();
        output::print(&output::table(&headings, rows))?;
        if args.each {
            each(&examples, &truth, name)?;
        }
    }
    if args.json {
        return output::print_json(&Value::Object(report));
    }
    Ok(())
}

/// The categories of errors of each trace.
fn labels(folder: &Path) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let file = folder.join("labels.json");
    let wrong = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let Some(traces) = json.as_object() else {
        return Err(wrong("expected an object with trace ids".to_owned()));
    };
    Ok(traces
        .iter()
        .map(|(trace_id, label)| {
            let errors = label["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let categories = errors.iter().filter_map(|e| e["category"].as_str());
            (trace_id.clone(), categories.map(str::to_owned).collect())
        })
        .collect())
}

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("spanreel-evaluate-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::Unavailable(format!("{}: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it; what is left is in the folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends every trace to a server of its own, and waits until all is stored.
async fn record(folder: &Path, trace_ids: Vec<&String>, data: &Path) -> Result<(), Failure> {
    let running = serve::start(&ServeArgs::for_folder(Some(data.to_owned()))).await?;
    let url = format!("http://{}/v1/traces", running.otlp_http);
    let client = reqwest::Client::new();
    let mut outcome = Ok(());
    let progress = Progress::bar(trace_ids.len() as u64, "traces recorded");
    for trace_id in trace_ids {
        let file = folder.join(format!("{trace_id}.json"));
        outcome = match fs::read(&file) {
            Ok(body) => send(&client, &url, body, &file).await,
            Err(error) => Err(Failure::Usage(format!("{}: {error}", file.display()))),
        };
        if outcome.is_err() {
            break;
        }
        progress.inc();
    }
    drop(progress);
    running.stop().await?;
    outcome
}

async fn send(
    client: &reqwest::Client,
    url: &str,
    body: Vec<u8>,
    file: &Path,
) -> Result<(), Failure> {
    for _ in 0..MAX_ATTEMPTS {
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .body(body.clone());
        let answer = request.send().await.context("sending a trace")?;
        match answer.status().as_u16() {
            200 => return Ok(()),
            429 | 503 => tokio::time::sleep(Duration::from_millis(200)).await,
            status => {
                return Err(Failure::Usage(format!(
                    "{} was refused with status {status}: is it one OTLP/JSON trace request?",
                    file.display()
                )));
            }
        }
    }
    Err(Failure::Unavailable(format!(
        "{} was not taken: the receiver stayed full",
        file.display()
    )))
}

fn examples(labels: BTreeMap<String, Vec<String>>, assessed: &[Assessment]) -> Vec<Example> {
    let mut by_trace: HashMap<String, Vec<Assessment>> = HashMap::new();
    for session in assessed {
        for trace in &session.traces {
            by_trace
                .entry(trace.hex())
                .or_default()
                .push(session.clone());
        }
    }
    labels
        .into_iter()
        .map(|(trace_id, categories)| Example {
            sessions: by_trace.remove(&trace_id).unwrap_or_default(),
            trace_id,
            categories,
        })
        .collect()
}

impl Example {
    fn most(&self, of: impl Fn(&Assessment) -> f64) -> f64 {
        self.sessions.iter().map(of).fold(0.0, f64::max)
    }

    /// Repeats that the chosen findings tell of.
    fn repeats(&self, wanted: impl Fn(&query::AssessedFinding) -> bool) -> f64 {
        let findings = self.sessions.iter().flat_map(|session| &session.findings);
        findings
            .filter(|finding| wanted(finding))
            .map(|finding| finding.repeat_count as f64)
            .sum()
    }
}

/// A rule that says yes from a score on.
fn from_score(
    name: &str,
    examples: &[Example],
    min: f64,
    score: impl Fn(&Example) -> f64,
) -> Measured {
    let scores: Vec<f64> = examples.iter().map(score).collect();
    Measured {
        name: name.to_owned(),
        flagged: scores.iter().map(|score| *score >= min).collect(),
        scores,
    }
}

fn of_detectors(examples: &[Example], kind: &str) -> Vec<Measured> {
    let mut names: Vec<&str> = examples
        .iter()
        .flat_map(|example| &example.sessions)
        .flat_map(|session| &session.findings)
        .filter(|finding| finding.kind == kind)
        .map(|finding| finding.detector.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            from_score(name, examples, 1.0, |example| {
                example.repeats(|finding| finding.detector == name)
            })
        })
        .collect()
}

fn loop_rules(examples: &[Example]) -> Vec<Measured> {
    let mut rules = vec![
        from_score("baseline: always", examples, 0.0, |_| 0.0),
        from_score("baseline: 10 or more model requests", examples, 10.0, |e| {
            e.most(|session| session.model_request_count as f64)
        }),
        from_score("baseline: same call 3 times in a row", examples, 3.0, |e| {
            e.most(|session| session.longest_exact_repeat as f64)
        }),
        from_score("baseline: same call twice in a row", examples, 2.0, |e| {
            e.most(|session| session.longest_exact_repeat as f64)
        }),
        from_score(
            "baseline: near-duplicate call twice in a row",
            examples,
            2.0,
            |e| e.most(|session| session.longest_near_repeat as f64),
        ),
    ];
    rules.extend(of_detectors(examples, "loop"));
    rules.push(from_score("all loops, certain", examples, 1.0, |e| {
        e.repeats(|finding| finding.kind == "loop" && finding.is_certain)
    }));
    rules.push(from_score("all loops", examples, 1.0, |e| {
        e.repeats(|finding| finding.kind == "loop")
    }));
    rules
}

fn drift_rules(examples: &[Example]) -> Vec<Measured> {
    let length = |e: &Example| e.most(|session| session.model_request_count as f64);
    let mut rules = vec![
        from_score("baseline: always", examples, 0.0, |_| 0.0),
        from_score(
            "baseline: 10 or more model requests",
            examples,
            10.0,
            length,
        ),
        from_score("baseline: at most 5 model requests", examples, -5.0, |e| {
            -length(e)
        }),
    ];
    for (mut rule, score) in of_detectors(examples, "drift").into_iter().map(|rule| {
        let scores: Vec<f64> = examples
            .iter()
            .map(|example| example.most(|session| session.plan_score))
            .collect();
        (rule, scores)
    }) {
        // The rule's own score says more than yes and no.
        rule.scores = score;
        rules.push(rule);
    }
    rules.push(from_score(
        "topic drift (evidence only)",
        examples,
        0.5,
        |e| e.most(|session| session.topic_drift),
    ));
    rules
}

impl Measured {
    /// Flagged, right, precision, recall, F1, AUC.
    fn figures(&self, truth: &[bool]) -> (usize, usize, f64, f64, f64, f64) {
        let flagged = self.flagged.iter().filter(|flagged| **flagged).count();
        let right = self
            .flagged
            .iter()
            .zip(truth)
            .filter(|(f, t)| **f && **t)
            .count();
        let positive = truth.iter().filter(|truth| **truth).count();
        let share = |of: usize| {
            if of == 0 {
                0.0
            } else {
                right as f64 / of as f64
            }
        };
        let f1 = match flagged + positive {
            0 => 0.0,
            all => 2.0 * right as f64 / all as f64,
        };
        (
            flagged,
            right,
            share(flagged),
            share(positive),
            f1,
            auc(&self.scores, truth),
        )
    }

    fn row(&self, truth: &[bool]) -> Vec<String> {
        let (flagged, right, precision, recall, f1, auc) = self.figures(truth);
        vec![
            self.name.clone(),
            flagged.to_string(),
            right.to_string(),
            format!("{precision:.2}"),
            format!("{recall:.2}"),
            format!("{f1:.2}"),
            format!("{auc:.2}"),
        ]
    }

    fn json(&self, truth: &[bool]) -> Value {
        let (flagged, right, precision, recall, f1, auc) = self.figures(truth);
        json!({"rule": self.name, "flagged": flagged, "right": right, "precision": precision,
            "recall": recall, "f1": f1, "auc": auc})
    }
}

/// The chance that a positive example scores higher than a negative one; equal scores count half.
fn auc(scores: &[f64], truth: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positive = truth.iter().filter(|truth| **truth).count();
    let negative = truth.len() - positive;
    if positive == 0 || negative == 0 {
        return f64::NAN;
    }
    let (mut below, mut won) = (0_usize, 0.0);
    for equal in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let yes = equal.iter().filter(|(_, truth)| *truth).count();
        let no = equal.len() - yes;
        won += yes as f64 * (below as f64 + no as f64 / 2.0);
        below += no;
    }
    won / (positive * negative) as f64
}

/// What was found in each trace, the positive ones marked.
fn each(examples: &[Example], truth: &[bool], what: &str) -> Result<(), Failure> {
    let headings = [
        Heading::text("trace"),
        Heading::text("label"),
        Heading::number("requests"),
        Heading::number("plan score"),
        Heading::text("findings"),
    ];
    let kind = if what == "loops" { "loop" } else { "drift" };
    let rows = examples
        .iter()
        .zip(truth)
        .map(|(example, truth)| {
            let found: Vec<String> = example
                .sessions
                .iter()
                .flat_map(|session| &session.findings)
                .filter(|finding| finding.kind == kind)
                .map(|finding| {
                    let sure = if finding.is_certain { "!" } else { "" };
                    format!("{}{sure} x{}", finding.detector, finding.repeat_count)
                })
                .collect();
            vec![
                example.trace_id.chars().take(8).collect(),
                if *truth { "yes" } else { "" }.to_owned(),
                format!("{}", example.most(|s| s.model_request_count as f64)),
                format!("{:.2}", example.most(|s| s.plan_score)),
                found.join(", "),
            ]
        })
        .collect();
    output::print(&output::table(&headings, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_under_the_curve_is_that_of_ranks() {
        let truth = [true, true, false, false];
        assert!((auc(&[4.0, 3.0, 2.0, 1.0], &truth) - 1.0).abs() < 1e-9);
        assert!((auc(&[1.0, 1.0, 1.0, 1.0], &truth) - 0.5).abs() < 1e-9);
        assert!((auc(&[4.0, 1.0, 2.0, 1.0], &truth) - 0.625).abs() < 1e-9);
    }
}
