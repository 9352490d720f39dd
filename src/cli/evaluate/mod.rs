//! `spanreel evaluate`: the detectors measured on labelled traces, beside plain rules.

mod measure;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use query::Assessment;
use serde_json::{Value, json};

use self::measure::{Folds, Measured, choose};
use super::output::{self, Heading};
use super::progress::Progress;
use crate::args::{CredentialArgs, EncryptionArgs, EvaluateArgs, ServeArgs, ThresholdChoice};
use crate::client;
use crate::failure::Failure;
use crate::serve;
use crate::settings;

/// Times that a trace is sent again when the server has its hands full.
const MAX_ATTEMPTS: usize = 100;

/// One labelled trace and what is said of it.
struct Example {
    trace_id: String,
    categories: Vec<String>,
    sessions: Vec<Assessment>,
}

pub(super) async fn run(args: EvaluateArgs) -> Result<(), Failure> {
    let labels = labels(&args.folder)?;
    let settings = all_settings(&args)?;
    let scratch = Scratch::new()?;
    record(&args.folder, labels.keys().collect(), &scratch.0).await?;
    let progress = Progress::spinner("looking for findings");
    let store = serve::open_store(&scratch.0, 1 << 30, None).await?;
    let assessed: Vec<Vec<Assessment>> = tokio::task::spawn_blocking(move || {
        let assessed: Result<Vec<Vec<Assessment>>, store::Error> = settings
            .iter()
            .map(|settings| query::assess(&store, settings))
            .collect();
        store.close();
        assessed
    })
    .await
    .context("assessing")?
    .map_err(|error: store::Error| anyhow!(error))?;
    drop(progress);
    // The first is by the settings as they are, the others one for each value that is tried.
    let each_setting: Vec<Vec<Example>> = assessed
        .iter()
        .map(|assessed| examples(labels.clone(), assessed))
        .collect();
    let [examples, tried @ ..] = each_setting.as_slice() else {
        return Ok(());
    };
    let tables: [Table<'_>; 3] = [
        ("loops", &args.loops, loop_rules, "all loops"),
        ("drift", &args.drift, drift_rules, "plan_dropped"),
        ("ignored results", &args.ignored, ignored_rules, ""),
    ];
    let mut report = serde_json::Map::new();
    for (name, categories, rules_of, headline) in tables {
        let rules = rules_of(examples);
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
        let rows = rules.iter().map(|rule| rule.row(&truth)).collect();
        output::print(&output::table(&measure::headings(), rows))?;
        if let Some(count) = args.folds {
            let names: Vec<&str> = examples.iter().map(|e| e.trace_id.as_str()).collect();
            let folds = Folds::deal(&names, &truth, count as usize);
            output::print(&format!("{name}, mean and deviation over {count} folds"))?;
            let rows = rules.iter().map(|rule| rule.spread_row(&truth, &folds));
            output::print(&output::table(&measure::spread_headings(), rows.collect()))?;
            if let Some(choice) = &args.choose {
                let headline = |examples| {
                    let mut rules = rules_of(examples).into_iter();
                    rules.find(|rule| rule.name == headline)
                };
                let under: Vec<Measured> = tried.iter().filter_map(|e| headline(e)).collect();
                print_choice(choice, &under, &truth, &folds)?;
            }
        }
        if args.each {
            each(examples, &truth, name)?;
        }
    }
    if args.json {
        return output::print_json(&Value::Object(report));
    }
    Ok(())
}

/// Name, wanted categories, the rules that are measured, and the one that thresholds are chosen by.
type Table<'a> = (
    &'static str,
    &'a Vec<String>,
    fn(&[Example]) -> Vec<Measured>,
    &'static str,
);

/// The settings as they are, and one more for each value that `--choose` tries.
fn all_settings(args: &EvaluateArgs) -> Result<Vec<query::DetectorSettings>, Failure> {
    let Some(choice) = &args.choose else {
        return Ok(vec![match &args.settings {
            Some(file) => settings::read_named(file, query::DetectorSettings::parse)?,
            None => query::DetectorSettings::default(),
        }]);
    };
    let mut base = json!({});
    if let Some(file) = &args.settings {
        settings::read_named(file, query::DetectorSettings::parse)?;
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        base = serde_json::from_str(&text)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    }
    let parse = |json: &Value| {
        query::DetectorSettings::parse(&json.to_string())
            .map_err(|error| Failure::Usage(format!("--choose: {error}")))
    };
    let mut all = vec![parse(&base)?];
    for value in &choice.values {
        let mut json = base.clone();
        json[&choice.rule][&choice.threshold] = json!(value);
        all.push(parse(&json)?);
    }
    Ok(all)
}

/// What comes of choosing a threshold on the other folds, where it makes a difference.
fn print_choice(
    choice: &ThresholdChoice,
    under: &[Measured],
    truth: &[bool],
    folds: &Folds,
) -> Result<(), Failure> {
    if under.len() != choice.values.len() || under.windows(2).all(|w| w[0].flagged == w[1].flagged)
    {
        return Ok(());
    }
    let mut rules: Vec<Vec<String>> = Vec::new();
    for (value, measured) in choice.values.iter().zip(under) {
        let mut row = measured.row(truth);
        row[0] = format!("{}.{} {value}", choice.rule, choice.threshold);
        rules.push(row);
    }
    let chosen = choose(under, truth, folds);
    rules.push(chosen.measured.row(truth));
    output::print(&output::table(&measure::headings(), rules))?;
    let values = chosen
        .by_fold
        .iter()
        .map(|at| choice.values[*at].to_string());
    output::print(&format!(
        "each fold took the best value of the others: {}",
        values.collect::<Vec<_>>().join(", ")
    ))?;
    output::print(&output::table(
        &measure::spread_headings(),
        vec![chosen.measured.spread_row(truth, folds)],
    ))
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
    let running = serve::start(&ServeArgs::for_folder(
        Some(data.to_owned()),
        EncryptionArgs::default(),
    ))
    .await?;
    let url = format!("http://{}/v1/traces", running.otlp_http);
    let client = client::built(client::http(&CredentialArgs::default())?)?;
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

/// How often a failed call was made again as it was at once. Nothing is flagged by it.
fn ignored_rules(examples: &[Example]) -> Vec<Measured> {
    vec![
        from_score("baseline: always", examples, 0.0, |_| 0.0),
        from_score("baseline: 10 or more model requests", examples, 10.0, |e| {
            e.most(|session| session.model_request_count as f64)
        }),
        from_score("ignored errors (evidence only)", examples, 1.0, |e| {
            e.most(|session| session.ignored_errors as f64)
        }),
    ]
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
