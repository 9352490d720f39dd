use store::Batch;

use crate::fixture::{self, demo, open, query};

#[test]
fn stored_run_is_read_through_the_views() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    let committed = writer.commit(batch).unwrap();
    assert_eq!(committed.span_count, 6);
    assert_eq!(committed.event_count, 2);
    assert_eq!(
        query(
            &store,
            "select operation, seq, tool_name, input, left(output, 10) from spans \
             where session_id = 's1' and operation <> 'model' order by seq",
        ),
        [
            "turn|1|null|null|null",
            r#"tool|3|Bash|{"command":"make"}|make: *** "#,
            "tool|4|Bash|null|null",
            "hook|5|null|null|null",
        ]
    );
}

#[test]
fn light_half_is_read_back_exactly() {
    let (_folder, _store, mut writer) = open();
    let full = fixture::full_state(&mut writer);
    let plain = fixture::act(&mut writer, 9, 10, proto::agent::Operation::Model, "other");
    let mut states = vec![full.1.clone(), plain.1.clone()];
    writer
        .commit(Batch {
            new_acts: vec![full, plain],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        writer.load_acts(&[fixture::trace_id(9)], &[]).unwrap(),
        states
    );
    let facts = std::mem::take(&mut states[0].facts);
    states[0].facts = std::mem::replace(&mut states[1].facts, facts);
    states[1].derived.turn = 9;
    writer
        .commit(Batch {
            changed_acts: states.clone(),
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(writer.load_acts(&[], &["other".into()]).unwrap(), states);
    assert_eq!(
        writer
            .load_acts(&[fixture::trace_id(77)], &["no".into()])
            .unwrap(),
        []
    );
}
