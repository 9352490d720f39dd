//! A session as one page that replays it without a network: the interface itself, and in place of the
//! server the answers that it would ask for.
//!
//! The answers are those of the API, what was chosen to be left out taken out of them. Texts repeat in
//! them a great deal, so they are cut into pieces, each of which is in the file once.

use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::Value as Json;
use tower::ServiceExt as _;

use super::{ExportError, Family, texts};
use crate::error::ApiError;
use crate::server;
use crate::state::AppState;
use crate::time::{now_ns, rfc3339};

mod redaction;

pub(crate) use redaction::Redaction;

/// Acts of one page of the transcript.
const ENTRIES_AT_ONCE: usize = 200;
/// Where the page takes the recording.
const PLACE: &str = "<!--recording-->";

/// What the page says of itself.
#[derive(Debug, Serialize)]
struct About<'a> {
    session_id: &'a str,
    exported_at: String,
    version: &'static str,
    /// What was left out, in words; empty when nothing was.
    left_out: Vec<String>,
}

/// What the page holds, by the numbers of its pieces.
#[derive(Debug, Default, Serialize)]
struct Index {
    /// By the path below /api/v1.
    answers: HashMap<String, Vec<u32>>,
    /// Entries of the transcript by `trace id:span id`.
    entries: HashMap<String, Vec<u32>>,
    /// By hash.
    payloads: HashMap<String, Vec<u32>>,
    /// Length of each piece in bytes, in the order in which they follow.
    sizes: Vec<usize>,
}

/// Texts cut into pieces, each kept once.
#[derive(Default)]
struct Pieces {
    known: HashMap<[u8; 32], u32>,
    sizes: Vec<usize>,
    bytes: Vec<u8>,
}

impl Pieces {
    fn add(&mut self, text: &str) -> Vec<u32> {
        let text = text.as_bytes();
        let mut numbers = Vec::new();
        for range in store::split(text) {
            let piece = &text[range];
            let next = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
            let number = *self
                .known
                .entry(*blake3::hash(piece).as_bytes())
                .or_insert(next);
            if number == next {
                self.sizes.push(piece.len());
                self.bytes.extend_from_slice(piece);
            }
            numbers.push(number);
        }
        numbers
    }
}

/// The page for `family`, whose first session is the one that was asked for.
pub(crate) async fn page(
    state: &AppState,
    family: &Family,
    redaction: &Redaction,
) -> Result<Body, ApiError> {
    let router = server::answers(state.clone());
    let mut redaction = redaction.clone();
    let mut index = Index::default();
    let mut pieces = Pieces::default();
    let mut hashes = BTreeSet::new();
    let mut spans: BTreeSet<String> = BTreeSet::new();
    for session_id in &family.session_ids {
        let session = format!("/sessions/{}", encoded(session_id));
        for path in [
            session.clone(),
            format!("{session}/annotations"),
            format!("{session}/checkpoints"),
        ] {
            let text = redaction.answer(ask(&router, &path).await?)?;
            index.answers.insert(path, pieces.add(&text));
        }
        let path = format!("{session}/tree");
        let tree = ask(&router, &path).await?;
        spans.extend(spans_of(&tree));
        let text = redaction.answer(tree)?;
        index.answers.insert(path, pieces.add(&text));
        let mut from = 0;
        loop {
            let path = format!("{session}/transcript?from={from}&limit={ENTRIES_AT_ONCE}");
            let answer: Json = parsed(&redaction.answer(ask(&router, &path).await?)?)?;
            let entries = answer["entries"].as_array().map_or(&[][..], Vec::as_slice);
            for entry in entries {
                let name = |key: &str| entry[key].as_str().unwrap_or_default();
                let key = format!("{}:{}", name("trace_id"), name("span_id"));
                let text = entry.to_string();
                index
                    .entries
                    .entry(key)
                    .or_insert_with(|| pieces.add(&text));
            }
            from += ENTRIES_AT_ONCE;
            if entries.len() < ENTRIES_AT_ONCE {
                break;
            }
        }
    }
    for span in spans {
        let path = format!("/spans/{span}");
        let text = redaction.answer(ask(&router, &path).await?)?;
        texts::named(&text, &mut hashes);
        index.answers.insert(path, pieces.add(&text));
    }
    let session_id = family.session_ids.first().map_or("", |id| id).to_owned();
    state
        .blocking(move |store| {
            texts::each_text(store, &hashes, &mut |hash, text| {
                if let Some(text) = redaction.payload(text) {
                    let numbers = pieces.add(&text);
                    index.payloads.insert(hash.to_owned(), numbers);
                }
                Ok(())
            })
            .and_then(|()| {
                let about = About {
                    session_id: &session_id,
                    exported_at: rfc3339(now_ns()),
                    version: env!("CARGO_PKG_VERSION"),
                    left_out: redaction.told(),
                };
                written(&about, index, &pieces)
            })
            .map_err(|error| ApiError::internal(&error))
        })
        .await
}

/// The page with the recording in it.
fn written(about: &About<'_>, mut index: Index, pieces: &Pieces) -> Result<Body, ExportError> {
    index.sizes.clone_from(&pieces.sizes);
    let head = serde_json::to_vec(&serde_json::json!({ "about": about, "index": index }))?;
    let size = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&size.to_le_bytes())?;
    packed.write_all(&head)?;
    packed.write_all(&pieces.bytes)?;
    let recording = STANDARD.encode(packed.finish()?);
    let template = std::str::from_utf8(ui::REPLAY.bytes).unwrap_or_default();
    let (before, after) = template.split_once(PLACE).unwrap_or((template, ""));
    // Base64 has no character that could end the element.
    let page = [
        before,
        "<script type=\"application/octet-stream\" id=\"recording\">",
        &recording,
        "</script>",
        after,
    ]
    .concat();
    Ok(Body::from(Bytes::from(page)))
}

/// What the API answers at a path.
async fn ask(router: &Router, path: &str) -> Result<String, ApiError> {
    let request = Request::get(format!("/api/v1{path}"))
        .body(Body::empty())
        .map_err(|error| ApiError::internal(&error))?;
    let answer = match router.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    if !answer.status().is_success() {
        return Err(ApiError::internal(&std::io::Error::other(format!(
            "{path} was answered with {}",
            answer.status()
        ))));
    }
    let bytes = to_bytes(answer.into_body(), usize::MAX)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    String::from_utf8(bytes.to_vec()).map_err(|error| ApiError::internal(&error))
}

fn parsed(text: &str) -> Result<Json, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::internal(&error))
}

/// `trace id/span id` of the acts of a tree.
fn spans_of(tree: &str) -> Vec<String> {
    let Ok(tree) = serde_json::from_str::<Json>(tree) else {
        return Vec::new();
    };
    let texts = |list: &Json| -> Vec<String> {
        let items = list.as_array().map_or(&[][..], Vec::as_slice);
        items
            .iter()
            .map(|item| item.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let traces = texts(&tree["traces"]);
    let spans = &tree["columns"];
    let trace_numbers = spans["trace"].as_array().map_or(&[][..], Vec::as_slice);
    let span_ids = texts(&spans["span_id"]);
    trace_numbers
        .iter()
        .zip(span_ids)
        .filter_map(|(number, span_id)| {
            let trace_id = traces.get(usize::try_from(number.as_u64()?).ok()?)?;
            Some(format!("{trace_id}/{span_id}"))
        })
        .collect()
}

/// A text as one part of a path, as the page writes it (`encodeURIComponent`).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
        if is_plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
