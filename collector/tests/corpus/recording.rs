//! A recording, understood, and ways to count in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use collector::conventions::{Understood, understand_logs, understand_metrics, understand_traces};
use proto::agent::{Act, Decision, Operation, Origin, PayloadRef};
use proto::{Encoding, Request, Signal};

/// A recording's requests in their order; `None`, with a message, when it is not there.
pub(crate) fn requests(capture: &str) -> Option<Vec<(Signal, Encoding, Vec<u8>)>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/corpus")
        .join(capture)
        .join("raw");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no recording {capture} beside the checkout (../shared/corpus)");
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let requests = paths.into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let encoding = match path.extension()?.to_str()? {
            "pb" => Encoding::Protobuf,
            "json" => Encoding::Json,
            _ => return None,
        };
        let signal = Signal::ALL
            .into_iter()
            .find(|signal| name.contains(&format!(".{signal}.")))?;
        Some((signal, encoding, std::fs::read(&path).unwrap()))
    });
    Some(requests.collect())
}

pub(crate) fn understand(capture: &str) -> Option<Understood> {
    let mut out = Understood::default();
    for (signal, encoding, body) in requests(capture)? {
        let decoded = proto::decode(signal, encoding, &body).unwrap();
        assert_eq!(decoded.rejected.count, 0, "{capture}");
        match decoded.request {
            Request::Traces(request) => understand_traces(request, &mut out),
            Request::Logs(request) => understand_logs(request, None, &mut out),
            Request::Metrics(request) => understand_metrics(request, &mut out),
        }
    }
    assert_eq!(out.rejected, Vec::<String>::new(), "{capture}");
    for act in &out.acts {
        let attributes: serde_json::Value = serde_json::from_str(&act.attributes).unwrap();
        assert!(attributes.is_object());
        for address in [act.facts.input, act.facts.output, act.facts.prompt] {
            assert!(address.is_none_or(|address| find(&out, &address).is_some()));
        }
    }
    Some(out)
}

pub(crate) fn find<'a>(out: &'a Understood, address: &PayloadRef) -> Option<&'a [u8]> {
    let found = out
        .payloads
        .iter()
        .find(|payload| payload.address == *address)?;
    Some(&found.bytes)
}

/// Acts that would be counted if nothing else reported them.
pub(crate) fn whole(
    out: &Understood,
    origin: Origin,
    operation: Operation,
) -> impl Iterator<Item = &Act> {
    out.acts.iter().filter(move |act| {
        act.origin == origin && act.operation == operation && !act.part_of_parent && !act.plumbing
    })
}

pub(crate) fn count(out: &Understood, origin: Origin, operation: Operation) -> usize {
    whole(out, origin, operation).count()
}

/// Tool calls by name, `server/tool` for those of MCP servers.
pub(crate) fn tools(out: &Understood, origin: Origin) -> String {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for act in whole(out, origin, Operation::Tool) {
        let tool = act.facts.tool_name.as_deref().unwrap_or("?");
        let name = match act.facts.mcp_server.as_deref() {
            Some(server) => format!("{server}/{tool}"),
            None => tool.to_owned(),
        };
        *names.entry(name).or_default() += 1;
    }
    let list: Vec<String> = names
        .into_iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    list.join(", ")
}

pub(crate) fn sessions(out: &Understood) -> BTreeSet<Arc<str>> {
    out.acts
        .iter()
        .filter_map(|act| act.facts.session_id.clone())
        .collect()
}

pub(crate) fn denials(out: &Understood, origin: Origin, operation: Operation) -> usize {
    out.acts
        .iter()
        .filter(|act| act.origin == origin && act.operation == operation)
        .filter(|act| act.facts.decision == Some(Decision::Deny))
        .count()
}

/// Longest run of equal call hashes, in order of time.
pub(crate) fn longest_run(acts: Vec<&Act>) -> usize {
    let mut acts = acts;
    acts.sort_by_key(|act| act.start_ns);
    let mut longest = 0;
    let mut run = 0;
    let mut last: Option<&Arc<str>> = None;
    for act in acts {
        let hash = act.facts.call_hash.as_ref();
        run = if hash.is_some() && hash == last {
            run + 1
        } else {
            1
        };
        last = hash;
        longest = longest.max(run);
    }
    longest
}

pub(crate) fn failed(out: &Understood, origin: Origin) -> usize {
    whole(out, origin, Operation::Tool)
        .filter(|act| act.facts.success == Some(false))
        .count()
}

pub(crate) fn request_ids(out: &Understood, origin: Origin) -> BTreeSet<Arc<str>> {
    whole(out, origin, Operation::Model)
        .filter_map(|act| act.facts.request_id.clone())
        .collect()
}

pub(crate) fn input_tokens(out: &Understood, origin: Origin) -> i64 {
    whole(out, origin, Operation::Model)
        .filter_map(|act| act.facts.input_tokens)
        .sum()
}
