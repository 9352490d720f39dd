//! Texts come back byte for byte, and are stored once.

use proto::agent::{Operation, Payload};
use store::{Batch, Store, Writer};

use crate::fixture::{act, open, payload, query, trace_id};

/// Text that does not compress to nothing.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            b"abcdefghijklmnop qrstuvwxyz,.\n[]"[(state >> 59) as usize]
        })
        .collect()
}

fn put(writer: &mut Writer, payloads: &[Payload]) {
    writer
        .commit(Batch {
            payloads: payloads.to_vec(),
            ..Batch::default()
        })
        .unwrap();
}

fn get(store: &Store, payload: &Payload) -> Vec<u8> {
    let found = store.payload(&payload.address.hash, None).unwrap().unwrap();
    assert_eq!(found.total_size, payload.address.size_bytes);
    found.bytes
}

#[test]
fn any_bytes_come_back() {
    let (_folder, store, mut writer) = open();
    let mut payloads: Vec<Payload> = [
        &b""[..],
        b"\0",
        b"a\0b\0",
        b"\xff\xfe not utf-8 \xed\xa0\x80",
        "\u{1f600} \u{feff}".as_bytes(),
        br#"[{"role":"user","lone":"\ud800"}]"#,
        b"[[[[[[,,,",
    ]
    .into_iter()
    .map(payload)
    .collect();
    for len in [2_047, 16_384, 16_385, 65_536, 65_537, 200_031, 5 << 20] {
        payloads.push(payload(noise(len, len as u64)));
        payloads.push(payload(vec![0; len]));
    }
    put(&mut writer, &payloads);
    for payload in &payloads {
        assert!(
            get(&store, payload) == payload.bytes,
            "{}",
            payload.bytes.len()
        );
    }
    assert_eq!(store.payload(&[7; 32], None).unwrap(), None);
}

#[test]
fn part_of_a_payload_is_read() {
    let (_folder, store, mut writer) = open();
    let whole = payload(noise(300_000, 11));
    put(&mut writer, std::slice::from_ref(&whole));
    for (start, end) in [(0, 1), (0, 300_000), (70_000, 200_001), (299_999, 300_000)] {
        let part = store
            .payload(&whole.address.hash, Some(start..end))
            .unwrap()
            .unwrap();
        assert_eq!(part.total_size, 300_000);
        assert!(
            part.bytes == whole.bytes[start as usize..end as usize],
            "{start}..{end}"
        );
    }
    for (start, end, len) in [(299_990, 400_000, 10), (300_000, 300_001, 0), (5, 5, 0)] {
        let part = store
            .payload(&whole.address.hash, Some(start..end))
            .unwrap()
            .unwrap();
        assert_eq!(part.bytes.len(), len, "{start}..{end}");
    }
}

#[test]
fn same_text_is_stored_once() {
    let (_folder, store, mut writer) = open();
    let message = |n: u64| {
        let text = String::from_utf8(noise(4_000, n)).unwrap();
        serde_json::json!({"role": "user", "parts": [{"type": "text", "content": text}]})
    };
    let conversation = |n| payload(serde_json::Value::from_iter((0..n).map(message)).to_string());
    put(&mut writer, &[conversation(20), conversation(20)]);
    let before = store.counts().unwrap();
    assert_eq!(before.payload_count, 1);
    put(&mut writer, &[conversation(20), conversation(21)]);
    let after = store.counts().unwrap();
    assert_eq!(after.payload_count, 2);
    // The former last message is followed by a comma now.
    assert!(
        after.piece_count - before.piece_count <= 2,
        "{before:?} {after:?}"
    );
    assert_eq!(get(&store, &conversation(20)), conversation(20).bytes);
    assert_eq!(get(&store, &conversation(21)), conversation(21).bytes);
}

#[test]
fn text_is_searched_in_sql() {
    let (_folder, store, mut writer) = open();
    let mut acts = Vec::new();
    let mut payloads = Vec::new();
    for n in 0..3_000 {
        let mut act = act(&mut writer, n / 10, n, Operation::Tool, "s1");
        let mut text = noise(if n % 100 == 0 { 100_000 } else { 300 }, 2 * n);
        if n % 1_000 == 0 {
            text.extend(b"NEEDLE");
        }
        if n == 2_000 {
            text.extend(b"\xff\0");
        }
        let text = payload(text);
        act.1.facts.output = Some(text.address);
        payloads.push(text);
        acts.push(act);
    }
    writer
        .commit(Batch {
            new_acts: acts,
            payloads,
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        query(
            &store,
            "select count(*), sum(length(output)) from spans where output like '%NEEDLE%'"
        ),
        ["3|300020"]
    );
    assert_eq!(
        query(
            &store,
            "select count(*) from spans where octet_length(encode(output)) >= output_size"
        ),
        ["3000"]
    );
    assert_eq!(
        query(
            &store,
            "select count(distinct output) from tool_calls where input is null"
        ),
        ["3000"]
    );
    let trace = trace_id(0).hex();
    assert_eq!(
        query(
            &store,
            &format!(
                "select length(output) from spans where trace_id = '{trace}' order by seq limit 2"
            )
        ),
        ["100006", "300"]
    );
    assert_eq!(
        query(
            &store,
            "select payload_text(output_hash) = output from spans where seq = 7"
        ),
        ["true"]
    );
    assert_eq!(
        query(
            &store,
            "select payload_text('no hash') is null and payload_text(null::bigint) is null"
        ),
        ["true"]
    );
}
