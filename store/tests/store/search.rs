//! Full-text search: finds what queries would find, whatever the index is doing.

use std::time::{Duration, Instant};

use proto::agent::Operation;
use store::{Batch, PassageOf, Store, Value, Writer};

use crate::fixture::{act, config, demo, lines, open, payload, query, session};

/// Acts that a question finds: span number, part and passages.
fn found(store: &Store, question: &str) -> Vec<String> {
    let sql = "select right(span_id, 2), part, passage_count from search($1::varchar) \
               order by span_id";
    lines(&store.read(sql, &[Value::Text(question.into())]).unwrap())
}

/// Waits until everything committed is indexed, for 20 seconds.
fn settle(store: &Store) {
    let since = Instant::now();
    while store.search_state().unwrap().waiting_act_count > 0 {
        assert!(
            since.elapsed() < Duration::from_secs(20),
            "the index stays behind"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A model request of a conversation: `count` messages in, one out.
fn request(writer: &mut Writer, span: u64, count: u64, session: &str) -> Batch {
    let message = |n: u64| {
        format!(
            r#"{{"role":"user","parts":[{{"type":"text","content":"message{n} {}"}}]}}"#,
            format!("filler{n} ").repeat(200)
        )
    };
    let messages: Vec<String> = (0..count).map(message).collect();
    let input = payload(format!("[{}]", messages.join(",")));
    let mut model = act(writer, span, span, Operation::Model, session);
    model.1.facts.input = Some(input.address);
    Batch {
        new_acts: vec![model],
        payloads: vec![input],
        sessions: vec![crate::fixture::session(session)],
        journal_position: 1000 + span,
        ..Batch::default()
    }
}

#[test]
fn finds_prompts_arguments_results_answers_and_names() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    let check = || {
        // The request that resends it shows the same text.
        assert_eq!(found(&store, "please build"), ["01|prompt|1"]);
        assert_eq!(found(&store, "careful"), ["02|input|1"]);
        assert_eq!(found(&store, "\"error 2\""), ["03|output|1"]);
        assert_eq!(found(&store, "looking -please"), ["02|output|1"]);
        // The duplicate of the call is the call.
        assert_eq!(found(&store, "bash"), ["02|output|1", "03|name|2"]);
        assert_eq!(found(&store, "nothing"), [""; 0]);
        // Words of the frame of messages are not what messages say.
        assert_eq!(found(&store, "assistant"), [""; 0]);
    };
    // Before the index has come so far, and after.
    check();
    settle(&store);
    check();
    let error = store
        .read("from search('\"open')", &[])
        .map(|table| table.rows)
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("closing quotation mark"), "{cause}");
}

#[test]
fn a_resent_text_is_found_where_a_session_showed_it_first() {
    let (_folder, store, mut writer) = open();
    for (span, count, session) in [(1, 2, "s1"), (2, 3, "s1"), (3, 4, "s1"), (4, 4, "s2")] {
        let batch = request(&mut writer, span, count, session);
        writer.commit(batch).unwrap();
    }
    settle(&store);
    assert_eq!(found(&store, "message0"), ["01|input|1", "04|input|1"]);
    assert_eq!(found(&store, "message2"), ["02|input|1", "04|input|1"]);
    assert_eq!(found(&store, "message3"), ["03|input|1", "04|input|1"]);
    assert_eq!(
        found(&store, "mess*"),
        ["01|input|2", "02|input|1", "03|input|1", "04|input|4"]
    );
}

#[test]
fn finds_what_two_pieces_straddle() {
    let (_folder, store, mut writer) = open();
    let words: Vec<String> = (0..40_000).map(|n| format!("word{n}x")).collect();
    let text = payload(words.join(" "));
    let mut tool = act(&mut writer, 1, 1, Operation::Tool, "s1");
    tool.1.facts.output = Some(text.address);
    let batch = Batch {
        new_acts: vec![tool],
        payloads: vec![text],
        sessions: vec![session("s1")],
        journal_position: 1,
        ..Batch::default()
    };
    writer.commit(batch).unwrap();
    settle(&store);
    assert!(query(&store, "select count(*) from piece") != ["1"]);
    // Each neighbouring pair is found, whichever piece it is in.
    for n in (0..39_999).step_by(97) {
        let phrase = format!("\"word{n}x word{}x\"", n + 1);
        assert_eq!(found(&store, &phrase).len(), 1, "{phrase}");
    }
    let cut = query(
        &store,
        "select length(payload_text(payload_id)) from payload",
    );
    assert_eq!(cut.len(), 1);
}

#[test]
fn passages_show_where() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    let table = store
        .read(
            "select payload_id, number from search_hits('\"error 2\"')",
            &[],
        )
        .unwrap();
    let [Value::Int(payload_id), Value::Int(piece_id)] = table.rows[0][..] else {
        panic!("{table:?}");
    };
    let piece = PassageOf::Piece {
        payload_id,
        piece_id,
    };
    let passages = store
        .passages(
            "\"error 2\"",
            &[piece, PassageOf::Act(99), PassageOf::Act(3)],
        )
        .unwrap();
    let passage = passages[0].as_ref().unwrap();
    assert_eq!(passage.text, "make: *** [all] Error 2");
    assert_eq!(passage.highlights.first(), Some(&(16..23)));
    assert_eq!(passage.message, None);
    assert_eq!(passages[1..], [None, None]);
}

#[test]
fn passages_name_the_message() {
    let (_folder, store, mut writer) = open();
    let batch = request(&mut writer, 1, 5, "s1");
    writer.commit(batch).unwrap();
    for (n, position) in [(0, 1), (2, 3), (4, 5)] {
        let question = format!("message{n}");
        let sql = "select payload_id, number from search_hits($1::varchar)";
        let asked = [Value::Text(question.as_str().into())];
        let table = store.read(sql, &asked).unwrap();
        let [Value::Int(payload_id), Value::Int(piece_id)] = table.rows[0][..] else {
            panic!("{table:?}");
        };
        let piece = PassageOf::Piece {
            payload_id,
            piece_id,
        };
        let passages = store.passages(&question, &[piece]).unwrap();
        assert_eq!(passages[0].as_ref().unwrap().message, Some((position, 1)));
        let sql = format!("select position, part from messages where content like '{question}%'");
        assert_eq!(query(&store, &sql), [format!("{position}|1")]);
    }
}

#[test]
fn the_index_survives_and_is_made_anew_when_it_cannot_be_used() {
    let (folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    settle(&store);
    drop(writer);
    store.close();

    // As it was left.
    let store = Store::open(config(&folder)).unwrap();
    settle(&store);
    assert_eq!(found(&store, "\"all error\""), ["03|output|1"]);
    store.close();

    // Without it, and with another thing in its place.
    let index = folder.path().join("search");
    std::fs::remove_dir_all(&index).unwrap();
    let store = Store::open(config(&folder)).unwrap();
    settle(&store);
    assert_eq!(found(&store, "\"all error\""), ["03|output|1"]);
    store.close();
    for file in std::fs::read_dir(&index).unwrap() {
        std::fs::write(file.unwrap().path(), b"not an index").unwrap();
    }
    let store = Store::open(config(&folder)).unwrap();
    assert_eq!(found(&store, "\"all error\""), ["03|output|1"]);
    settle(&store);
    assert_eq!(found(&store, "\"all error\""), ["03|output|1"]);
    store.close();

    // With another database under it.
    std::fs::remove_file(folder.path().join("spanreel.duckdb")).unwrap();
    let store = Store::open(config(&folder)).unwrap();
    let mut writer = store.writer().unwrap();
    assert_eq!(found(&store, "\"all error\""), [""; 0]);
    let batch = request(&mut writer, 1, 2, "s1");
    writer.commit(batch).unwrap();
    settle(&store);
    assert_eq!(found(&store, "message1"), ["01|input|1"]);
    assert_eq!(found(&store, "\"all error\""), [""; 0]);
}
