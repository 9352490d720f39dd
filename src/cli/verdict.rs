//! `spanreel why`.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use query::{Endpoint, EndpointError, Protocol};
use serde_json::Value;

use super::answer::{rows, text};
use super::format::duration;
use super::output;
use super::source::{Api, Refusal, percent_encoded};
use crate::args::{EndpointArgs, WhyArgs};
use crate::failure::Failure;

pub(super) async fn why(args: WhyArgs) -> Result<(), Failure> {
    let endpoint = endpoint(&args.endpoint)?;
    let api = Api::open(&args.source).await?;
    let answers = answers(&api, &args, endpoint.as_ref()).await;
    api.close().await?;
    let Answers {
        why,
        explanation,
        preview,
    } = answers?;
    if let Some(preview) = preview {
        return show_digest(&args, &preview, endpoint.as_ref());
    }
    if args.json {
        let mut why = why;
        if let Some(explanation) = explanation {
            why["explanation"] = explanation;
        }
        return output::print_json(&why);
    }
    let mut said = format!("{}\n", text(&why["sentence"]));
    for evidence in rows(&why["evidence"]) {
        let _ = writeln!(
            said,
            "  {}  {}",
            text(&evidence["span"]["span_id"]),
            text(&evidence["text"])
        );
    }
    if why["change"].is_object() {
        let _ = writeln!(said, "Before: {}", text(&why["change"]["text"]));
    }
    let tokens = why["wasted_tokens"].as_i64().unwrap_or_default();
    let wasted_ns = why["wasted_ns"].as_i64().unwrap_or_default();
    if tokens > 0 || wasted_ns > 0 {
        let cost = why["wasted_cost_usd"].as_f64();
        let _ = writeln!(
            said,
            "Wasted: {}, {tokens} tokens{}",
            duration(wasted_ns),
            cost.map_or_else(String::new, |cost| format!(", ${cost:.4}"))
        );
    }
    let _ = writeln!(said, "What to do: {}", text(&why["remedy"]["text"]));
    if let Some(configuration) = why["remedy"]["configuration"].as_str() {
        let file = text(&why["remedy"]["file"]);
        let _ = writeln!(said, "Paste into {file}:\n{configuration}");
    }
    if let Some(explanation) = explanation {
        let _ = write!(
            said,
            "\n{} says (a model's opinion, not checked):\n{}\n",
            text(&explanation["model"]),
            text(&explanation["text"])
        );
    }
    output::print(&output::visible(&said))
}

/// How long a model may take, and some more.
const ASK_TIMEOUT: Duration = Duration::from_secs(150);

struct Answers {
    why: Value,
    /// What a model said, when it was asked.
    explanation: Option<Value>,
    /// What a model would be sent, when that was asked for.
    preview: Option<Value>,
}

async fn answers(
    api: &Api,
    args: &WhyArgs,
    endpoint: Option<&Endpoint>,
) -> Result<Answers, Failure> {
    let id = percent_encoded(&api.session_id(&args.session_id).await?);
    let ask_path = format!("/sessions/{id}/ask");
    if args.show_digest {
        return Ok(Answers {
            why: Value::Null,
            explanation: None,
            preview: Some(api.get(&ask_path, &[]).await?),
        });
    }
    let why = api.get(&format!("/sessions/{id}/why"), &[]).await?;
    let explanation = match (args.ask, endpoint) {
        (false, _) => None,
        (true, Some(endpoint)) => {
            let preview = api.get(&ask_path, &[]).await?;
            let (endpoint, digest) = (endpoint.clone(), text(&preview["digest"]));
            let asked = tokio::task::spawn_blocking(move || endpoint.ask(&digest))
                .await
                .context("asking the model")?;
            let explanation = asked.map_err(failure)?;
            Some(serde_json::to_value(explanation).context("the model's answer")?)
        }
        (true, None) => {
            let response = api
                .post(&ask_path, &Value::Null, "application/json", ASK_TIMEOUT)
                .await?
                .map_err(Refusal::into_failure)?;
            Some(
                response
                    .json()
                    .await
                    .context("the server's answer is not JSON")?,
            )
        }
    };
    Ok(Answers {
        why,
        explanation,
        preview: None,
    })
}

/// The endpoint that flags or environment name; `None` leaves it to the server's own.
fn endpoint(args: &EndpointArgs) -> Result<Option<Endpoint>, Failure> {
    let (Some(base_url), Some(model)) = (&args.base_url, &args.model) else {
        return Ok(None);
    };
    let endpoint = Endpoint {
        protocol: match args.protocol.as_deref() {
            Some("anthropic") => Protocol::Anthropic,
            _ => Protocol::OpenAi,
        },
        base_url: base_url.clone(),
        model: model.clone(),
        key_env: args.key_env.clone(),
    };
    endpoint.check().map_err(failure)?;
    Ok(Some(endpoint))
}

fn failure(error: EndpointError) -> Failure {
    match error {
        EndpointError::Settings(message) => Failure::Usage(message),
        EndpointError::Failed(message) => Failure::Unavailable(message),
    }
}

/// Prints exactly what would be sent, and to whom.
fn show_digest(
    args: &WhyArgs,
    preview: &Value,
    endpoint: Option<&Endpoint>,
) -> Result<(), Failure> {
    let digest = text(&preview["digest"]);
    let (place, body) = match endpoint {
        Some(endpoint) => (Some(endpoint.place()), endpoint.body(&digest)),
        None => (
            preview["endpoint"]["place"].as_str().map(str::to_owned),
            preview["body"].clone(),
        ),
    };
    if args.json {
        return output::print_json(
            &serde_json::json!({"place": place, "body": body, "digest": digest}),
        );
    }
    match place {
        Some(place) => {
            output::note(&format!("--ask sends this to {place}:"));
            output::print_json(&body)
        }
        None => {
            output::note(
                "no model is configured, so --ask sends nothing; the digest of this run is:",
            );
            output::print(&output::visible(&digest))
        }
    }
}
