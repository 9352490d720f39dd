//! `docs/sql.md` is the contract: what it names exists, and what it shows runs.

use std::time::Duration;

use store::{Cancel, Store, Table, UserSql, UserSqlError, Value};

use crate::fixture::{demo, finding, open, query};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sql.md");
    std::fs::read_to_string(path).unwrap()
}

/// Columns and types of each relation as the page lists them.
fn documented() -> Vec<(String, Vec<(String, String)>)> {
    let mut relations: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in page().lines() {
        if let Some(name) = line.strip_prefix("### `") {
            relations.push((name.trim_end_matches('`').to_owned(), Vec::new()));
        } else if line.starts_with("## ") && !relations.is_empty() {
            break;
        } else if let Some(row) = line.strip_prefix("| `")
            && let Some((_, columns)) = relations.last_mut()
        {
            let (name, rest) = row.split_once("` | ").unwrap();
            let (kind, _) = rest.split_once(" |").unwrap();
            columns.push((name.to_owned(), kind.to_owned()));
        }
    }
    relations
}

#[test]
fn relations_have_exactly_the_documented_columns() {
    let (_folder, store, _writer) = open();
    let relations = documented();
    assert_eq!(relations.len(), 12);
    let columns_of = |name: &str| -> Vec<(String, String)> {
        let table = store
            .read(&format!("select * from {name} limit 0"), &[])
            .unwrap();
        let columns = table.columns.into_iter();
        columns
            .map(|column| (column.name, column.sql_type))
            .collect()
    };
    for (name, columns) in &relations {
        assert_eq!(&columns_of(name), columns, "{name}");
    }
    let spans = columns_of("spans");
    for view in ["tool_calls", "model_requests", "hook_fires", "denials"] {
        assert_eq!(columns_of(view), spans, "{view}");
    }
}

#[test]
fn macros_are_documented() {
    let (_folder, store, _writer) = open();
    let page = page();
    for name in store::PUBLIC_MACROS {
        assert!(page.contains(&format!("| `{name}(")), "{name}");
    }
    let columns = store.read("from search('word')", &[]).unwrap().columns;
    let section = page.split("## Full-text search").nth(1).unwrap();
    for column in columns {
        assert!(
            section.contains(&format!("`{}`", column.name)),
            "{}",
            column.name
        );
    }
}

/// What the design promises, spelled out once more so that the page cannot lose a column.
#[test]
fn promised_columns_are_documented() {
    let promised = [
        (
            "sessions",
            "session_id harness title host project user_id parent_session_id started_at ended_at duration_ns status turn_count span_count model_request_count tool_call_count error_count denied_count subagent_count input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens cost_usd models tools tags finding_count payload_bytes",
        ),
        (
            "spans",
            "trace_id span_id parent_span_id session_id turn seq operation name kind started_at ended_at duration_ns status status_message error_type agent_name agent_id model provider tool_name tool_call_id mcp_server skill_name hook_event hook_name decision decision_source input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens cost_usd finish_reason input output call_hash duplicate_of origin attributes resource scope_name service_name host trace_state links dropped_attributes_count truncated_upstream",
        ),
        (
            "capture_gaps",
            "session_id gap remedy act_count dropped_attributes_count first_span_id",
        ),
        (
            "events",
            "time session_id trace_id span_id name severity body attributes",
        ),
        (
            "messages",
            "session_id trace_id span_id direction position role part_type content tool_call_id content_hash",
        ),
        (
            "turns",
            "session_id turn prompt response started_at duration_ns cost_usd",
        ),
        (
            "findings",
            "finding_id session_id kind severity confidence detector title explanation first_span_id last_span_id span_ids repeat_count wasted_ns wasted_tokens wasted_cost_usd detected_at",
        ),
        (
            "annotations",
            "session_id span_id turn verdict comment author created_at",
        ),
        (
            "checkpoints",
            "session_id name trace_id span_id time author created_at",
        ),
        (
            "deleted_sessions",
            "session_id deleted_at span_count reason",
        ),
        ("redactions", "session_id kind passage_count"),
        ("metrics", "time session_id name value unit attributes"),
    ];
    let relations = documented();
    for (name, columns) in promised {
        let (_, documented) = relations.iter().find(|(found, _)| found == name).unwrap();
        for column in columns.split(' ') {
            assert!(
                documented.iter().any(|(found, _)| found == column),
                "{name}.{column}"
            );
        }
    }
}

#[test]
fn every_example_runs() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    store.write_findings(&[finding("f1", 3)]).unwrap();
    let page = page();
    let examples: Vec<&str> = page
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 10);
    for sql in examples {
        run_as_user(&store, sql).unwrap_or_else(|error| panic!("{sql}{error}"));
    }
    let hash = query(&store, "select output_hash from tool_calls").remove(0);
    let table = run_as_user(&store, &format!("select payload_text('{hash}')")).unwrap();
    assert_eq!(
        table.rows,
        [[Value::Text("make: *** [all] Error 2".into())]]
    );
}

/// As the page's readers run it.
fn run_as_user(store: &Store, sql: &str) -> Result<Table, UserSqlError> {
    let request = UserSql {
        sql: sql.to_owned(),
        params: Vec::new(),
        max_rows: 1000,
        max_bytes: 1 << 20,
        timeout: Duration::from_secs(60),
    };
    store.user_sql(&request, &Cancel::default())
}

#[test]
fn macros_tell_the_session() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    store.write_findings(&[finding("f1", 3)]).unwrap();
    assert_eq!(
        query(
            &store,
            "select depth, operation, counted from session_tree('s1')"
        ),
        [
            "0|turn|true",
            "1|model|true",
            "1|tool|true",
            "1|tool|false",
            "1|hook|true"
        ]
    );
    assert_eq!(
        query(
            &store,
            "select role, kind, name, left(text, 12) from transcript('s1')"
        ),
        [
            "user|prompt|null|Please fix t",
            "assistant|tool_call|Bash|{\"command\":\"",
            "assistant|message|m1|[{\"role\":\"as",
            "tool|tool_result|Bash|make: *** [a",
        ]
    );
    assert_eq!(query(&store, "select repeat_count from loops('s1')"), ["3"]);
    assert_eq!(query(&store, "select count(*) from loops('s2')"), ["0"]);
}

#[test]
fn counted_views_leave_out_duplicates() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    assert_eq!(query(&store, "select count(*) from spans"), ["6"]);
    for view in ["tool_calls", "model_requests", "hook_fires", "denials"] {
        assert_eq!(
            query(&store, &format!("select count(*) from {view}")),
            ["1"],
            "{view}"
        );
    }
}

#[test]
fn messages_are_listed_with_content() {
    let (_folder, store, mut writer) = open();
    let batch = demo(&mut writer);
    writer.commit(batch).unwrap();
    assert_eq!(
        query(
            &store,
            "select direction, position, part, role, part_type, tool_call_id, content \
             from messages order by direction desc, position, part"
        ),
        [
            "system|1|1|system|text|null|You are careful.",
            "output|1|1|assistant|text|null|Looking.",
            r#"output|1|2|assistant|tool_call|c1|{"command":"make"}"#,
            "input|2|1|user|text|null|Please fix the build",
        ]
    );
    assert_eq!(
        query(
            &store,
            "select count(*) from messages where content like '%build%'"
        ),
        ["1"]
    );
    let found = store
        .read(
            "select position from messages where content_hash = ?",
            &[Value::Text(
                blake3::hash(b"Looking.").to_hex().as_str().into(),
            )],
        )
        .unwrap();
    assert_eq!(found.rows, [[Value::Int(1)]]);
}
