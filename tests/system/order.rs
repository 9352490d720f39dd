//! The order in which records arrive does not show: every recording, sent as it was, backwards,
//! shuffled with the program stopped in between, and twice, ends in the same rows.
//!
//! The recordings lie beside the repository; without them there is nothing to send.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Server, data_folder};
use crate::recordings::{Recording, Request};

/// The relations that are compared, each with what identifies a row. Row numbers (`act_id`) tell the
/// order of arrival, texts are compared by their hashes, times of detection are those of the clock.
const RELATIONS: [(&str, &str); 6] = [
    (
        "spans",
        "select trace_id || ' ' || span_id as key, \
         * exclude (act_id, input, output, attributes, links, resource), \
         md5(attributes::varchar) as attributes, md5(links::varchar) as links, \
         md5(resource::varchar) as resource from spans",
    ),
    ("sessions", "select session_id as key, * from sessions"),
    (
        "turns",
        "select session_id || ' ' || turn as key, * exclude (prompt, response) from turns",
    ),
    (
        "events",
        "select event_id as key, session_id, trace_id, span_id, name, severity from events",
    ),
    (
        "messages",
        "select trace_id || ' ' || span_id || ' ' || count(*) as key, \
         md5(string_agg(concat_ws(' ', direction, role, part_type, name, content_hash), ' ' \
         order by direction, position, part)) as content \
         from messages group by trace_id, span_id",
    ),
    (
        "findings",
        "select concat_ws(' ', session_id, kind, detector, list_extract(span_ids, 1)) as key, \
         kind, detector, confidence, severity, repeat_count, span_ids from findings",
    ),
];

/// A row by its key; the text has all columns.
pub(crate) type Rows = BTreeMap<String, String>;

pub(crate) fn rows(server: &Server, query: &str) -> Rows {
    let mut found = Rows::new();
    for row in server.sql(query) {
        let key = row["key"].as_str().unwrap_or_default().to_owned();
        let earlier = found.insert(key, row.to_string());
        assert!(earlier.is_none(), "two rows with one key: {row}");
    }
    found
}

fn all_rows(server: &Server) -> Vec<Rows> {
    server.wait_until_loaded();
    let relations = RELATIONS.iter();
    relations.map(|(_, query)| rows(server, query)).collect()
}

/// Where two rows of one key differ, as `column: one | other`.
pub(crate) fn differing_columns(one: &str, other: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (one, other) = (parse(one), parse(other));
    let columns = one.as_object().into_iter().flatten();
    columns
        .filter(|(name, value)| other[name.as_str()] != **value)
        .map(|(name, value)| format!("{name}: {value} | {}", other[name.as_str()]))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Says where the rows differ; nothing = nowhere.
fn differences(expected: &[Rows], found: &[Rows]) -> Vec<String> {
    let mut differences = Vec::new();
    for (((relation, _), expected), found) in RELATIONS.iter().zip(expected).zip(found) {
        for key in expected.keys().chain(found.keys()) {
            match (expected.get(key), found.get(key)) {
                (Some(one), Some(other)) if one == other => {}
                (Some(one), Some(other)) => differences.push(format!(
                    "{relation} {key}: {}",
                    differing_columns(one, other)
                )),
                (Some(_), None) => differences.push(format!("{relation} {key}: missing")),
                (None, _) => differences.push(format!("{relation} {key}: new")),
            }
        }
    }
    differences.sort();
    differences.dedup();
    differences
}

/// Sends the requests to a new server, which is stopped and started again half-way if so wished.
fn outcome(requests: &[Request], restart: bool) -> Vec<Rows> {
    let data = data_folder();
    let mut server = Server::start(data.path());
    let half = if restart { requests.len() / 2 } else { 0 };
    for request in &requests[..half] {
        request.send(&server);
    }
    if restart {
        server.stop();
        server = Server::start(data.path());
    }
    for request in &requests[half..] {
        request.send(&server);
    }
    all_rows(&server)
}

/// A fixed shuffle, so that a failure comes again.
fn shuffled(mut requests: Vec<Request>, seed: u64) -> Vec<Request> {
    let mut state = seed;
    for last in (1..requests.len()).rev() {
        // Constants of a 64-bit linear congruential generator (Knuth, MMIX).
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        requests.swap(last, (state >> 33) as usize % (last + 1));
    }
    requests
}

#[test]
fn the_order_of_arrival_does_not_show() {
    let recordings = Recording::all();
    let requests: Vec<Request> = recordings.iter().flat_map(Recording::requests).collect();
    if requests.is_empty() {
        return;
    }
    let expected = outcome(&requests, false);
    for ((relation, _), rows) in RELATIONS.iter().zip(&expected) {
        println!("{relation}: {} rows", rows.len());
        assert!(!rows.is_empty(), "{relation}");
    }
    let backwards: Vec<Request> = requests.iter().rev().cloned().collect();
    let twice: Vec<Request> = requests.iter().chain(&requests).cloned().collect();
    let orders = [
        ("backwards", backwards, false),
        (
            "shuffled, stopped half-way",
            shuffled(requests.clone(), 1),
            true,
        ),
        ("shuffled otherwise", shuffled(requests.clone(), 2), false),
        ("twice", twice, false),
    ];
    let mut failures = Vec::new();
    for (name, requests, restart) in orders {
        let differences = differences(&expected, &outcome(&requests, restart));
        println!("{name}: {} differences", differences.len());
        for difference in differences.iter().take(40) {
            println!("  {difference}");
        }
        if !differences.is_empty() {
            failures.push(format!("{name}: {}", differences.len()));
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
