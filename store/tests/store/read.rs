//! Parameters and results of every type.

use std::sync::atomic::{AtomicBool, Ordering};

use proto::agent::Operation;
use store::{Batch, Value};

use crate::fixture::{act, open, payload};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn values_of_every_type_are_read() {
    let (_folder, store, _writer) = open();
    let cases = [
        ("null", "INTEGER", Value::Null),
        ("true", "BOOLEAN", Value::Bool(true)),
        ("1::tinyint", "TINYINT", Value::Int(1)),
        ("-2::smallint", "SMALLINT", Value::Int(-2)),
        ("3", "INTEGER", Value::Int(3)),
        ("4::bigint", "BIGINT", Value::Int(4)),
        ("255::utinyint", "UTINYINT", Value::Int(255)),
        ("65535::usmallint", "USMALLINT", Value::Int(65_535)),
        ("5::uinteger", "UINTEGER", Value::Int(5)),
        (
            "18446744073709551615::ubigint",
            "UBIGINT",
            Value::BigInt("18446744073709551615".into()),
        ),
        ("6::hugeint", "HUGEINT", Value::Int(6)),
        (
            "-170141183460469231731687303715884105727::hugeint",
            "HUGEINT",
            Value::BigInt("-170141183460469231731687303715884105727".into()),
        ),
        ("1.5::float", "FLOAT", Value::Double(1.5)),
        ("0.1::double", "DOUBLE", Value::Double(0.1)),
        ("12.30::decimal(9,2)", "DECIMAL(9,2)", text("12.30")),
        ("'a'", "VARCHAR", text("a")),
        ("'a' || chr(0)", "VARCHAR", text("a\0")),
        ("'\\x00\\xFF'::blob", "BLOB", Value::Bytes(vec![0, 255])),
        ("'{\"a\":1}'::json", "JSON", text("{\"a\":1}")),
        ("date '2026-01-02'", "DATE", text("2026-01-02")),
        ("time '03:04:05'", "TIME", text("03:04:05")),
        (
            "timestamp '1970-01-01 00:00:01'",
            "TIMESTAMP",
            Value::Timestamp(1_000_000_000),
        ),
        (
            "timestamp_ns '1970-01-01 00:00:00.000000001'",
            "TIMESTAMP_NS",
            Value::Timestamp(1),
        ),
        (
            "timestamp_s '1970-01-01 00:00:01'",
            "TIMESTAMP_S",
            Value::Timestamp(1_000_000_000),
        ),
        (
            "timestamp_ms '1970-01-01 00:00:01'",
            "TIMESTAMP_MS",
            Value::Timestamp(1_000_000_000),
        ),
        (
            "timestamptz '1970-01-01 00:00:01+00'",
            "TIMESTAMP WITH TIME ZONE",
            Value::Timestamp(1_000_000_000),
        ),
        ("'x'::enum('x', 'y')", "ENUM", text("x")),
        (
            "'01234567-89ab-cdef-0123-456789abcdef'::uuid",
            "UUID",
            text("01234567-89ab-cdef-0123-456789abcdef"),
        ),
        (
            "[1, null]",
            "INTEGER[]",
            Value::List(vec![Value::Int(1), Value::Null]),
        ),
        (
            "[1, 2]::integer[2]",
            "INTEGER[2]",
            Value::List(vec![Value::Int(1), Value::Int(2)]),
        ),
        (
            "{'a': [{'b': 1}]}",
            "STRUCT(a STRUCT(b INTEGER)[])",
            Value::Object(vec![(
                "a".into(),
                Value::List(vec![Value::Object(vec![("b".into(), Value::Int(1))])]),
            )]),
        ),
        (
            "map {'k': 1}",
            "MAP(VARCHAR, INTEGER)",
            Value::Object(vec![("k".into(), Value::Int(1))]),
        ),
        (
            "map {7: 'x'}",
            "MAP(INTEGER, VARCHAR)",
            Value::Object(vec![("7".into(), text("x"))]),
        ),
        ("interval 90 minutes", "INTERVAL", text("1 hours 30 mins")),
        ("union_value(n := 5)", "UNION(n INTEGER)", Value::Int(5)),
    ];
    for (sql, kind, expected) in cases {
        let table = store.read(&format!("select {sql} as v"), &[]).unwrap();
        assert_eq!(table.rows, [[expected]], "{sql}");
        assert_eq!(table.columns[0].sql_type, kind, "{sql}");
    }
}

#[test]
fn nesting_may_be_deep() {
    let (_folder, store, _writer) = open();
    let depth = 40;
    let sql = format!("select {}1{} as v", "[".repeat(depth), "]".repeat(depth));
    let table = store.read(&sql, &[]).unwrap();
    let mut value = &table.rows[0][0];
    for _ in 0..depth {
        let Value::List(items) = value else { panic!() };
        value = &items[0];
    }
    assert_eq!(value, &Value::Int(1));
}

#[test]
fn parameters_of_every_type_are_bound() {
    let (_folder, store, _writer) = open();
    let values = [
        Value::Null,
        Value::Bool(false),
        Value::Int(i64::MIN),
        Value::BigInt("170141183460469231731687303715884105727".into()),
        Value::Double(-0.5),
        text("a'b\"\0é"),
        Value::Bytes(vec![1, 0, 255]),
        Value::Timestamp(1_767_323_045_678_901_000),
    ];
    for value in values {
        let table = store
            .read("select ? as v", std::slice::from_ref(&value))
            .unwrap();
        assert_eq!(table.rows, [[value]]);
    }
    let table = store
        .read("select $2, $1", &[Value::Int(1), Value::Int(2)])
        .unwrap();
    assert_eq!(table.rows, [[Value::Int(2), Value::Int(1)]]);
    let exact = Value::Timestamp(1_767_323_045_678_901_234);
    let table = store
        .read("select ?::timestamp_ns", std::slice::from_ref(&exact))
        .unwrap();
    assert_eq!(table.rows, [[exact]]);
    let list = Value::List(vec![text("x'\""), text("y")]);
    let table = store
        .read(
            "select from_json(?, '[\"varchar\"]')",
            std::slice::from_ref(&list),
        )
        .unwrap();
    assert_eq!(table.rows, [[list]]);
    assert!(store.read("select ?", &[]).is_err());
}

#[test]
fn failing_query_leaves_the_reader_usable() {
    let (_folder, store, _writer) = open();
    for _ in 0..10 {
        assert!(store.read("select nothing from nowhere", &[]).is_err());
        assert!(store.read("select error('at run time')", &[]).is_err());
        assert!(store.read("select i, 1 / (i - 5000)::integer::varchar::int, if(i = 9999, error('late'), 1) from range(10000) t(i)", &[]).is_err());
    }
    assert_eq!(store.read("select 1", &[]).unwrap().rows, [[Value::Int(1)]]);
}

#[test]
fn readers_see_whole_batches_while_others_are_written() {
    let (_folder, store, mut writer) = open();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    let table = store
                        .read(
                            "select count(*) % 50, count(*) filter (where input is null), \
                             count(*) filter (where input not like 'input %'), \
                             count(*) - max(seq) from spans",
                            &[],
                        )
                        .unwrap();
                    let whole = [Value::Int(0), Value::Int(0), Value::Int(0)];
                    assert_eq!(table.rows[0][..3], whole);
                }
            });
        }
        for n in 0..40 {
            let mut batch = Batch::default();
            for m in 0..50 {
                let id = n * 50 + m;
                let mut act = act(&mut writer, n, id, Operation::Tool, "s");
                let text = payload(format!("input {id} {}", "x".repeat(500)));
                act.1.facts.input = Some(text.address);
                batch.payloads.push(text);
                batch.new_acts.push(act);
            }
            writer.commit(batch).unwrap();
        }
        is_done.store(true, Ordering::Release);
    });
    assert_eq!(
        store.read("select max(seq) from spans", &[]).unwrap().rows,
        [[Value::Int(2000)]]
    );
}
