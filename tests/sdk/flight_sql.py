"""Speaks to a server over Arrow Flight SQL with the ADBC driver, and says what is not as it should be.

Usage: flight_sql.py HTTP_URL. The server holds the demo's runs.
"""

import sys
import threading
import time

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pyarrow as pa


def refuses(cursor, sql, *words, parameters=None):
    try:
        cursor.execute(sql, parameters)
        cursor.fetchall()
    except adbc_driver_manager.Error as error:
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"{sql}: {error} does not say {missing}"
        return error
    raise AssertionError(f"ran: {sql}")


def reads(cursor):
    cursor.execute("select tool_name, count(*) as calls from tool_calls group by all order by all")
    rows = cursor.fetchall()
    assert len(rows) > 3 and all(calls > 0 for _, calls in rows), rows
    assert [column[0] for column in cursor.description] == ["tool_name", "calls"]
    # Names that occur twice, no rows at all, and the qualified name that tools write.
    cursor.execute("select 1 as a, 2 as a")
    assert cursor.fetchone() == (1, 2)
    cursor.execute("select * from spans where span_id = 'nothing'")
    assert cursor.fetchall() == []
    cursor.execute('select count(*) from "spanreel"."main"."sessions"')
    assert cursor.fetchone()[0] >= 4
    cursor.execute("show tables")
    assert ("sessions", "view") in cursor.fetchall()
    cursor.execute("explain select 1")
    assert cursor.fetchall()


def keeps_types(cursor):
    cursor.execute(
        "select started_at, duration_ns, cost_usd, models, null as nothing, 1::hugeint as huge, "
        "'é🦀' as text, '\\x00ff'::blob as bytes, date '2026-01-02' as day, true as flag from sessions"
    )
    table = cursor.fetch_arrow_table()
    types = {field.name: field.type for field in table.schema}
    assert types["started_at"] == pa.timestamp("ns"), types
    assert types["duration_ns"] == pa.int64(), types
    assert types["cost_usd"] == pa.float64(), types
    assert pa.types.is_list(types["models"]), types
    assert types["day"] == pa.date32() and types["flag"] == pa.bool_(), types
    assert table["text"][0].as_py() == "é🦀" and table["bytes"][0].as_py() == b"\x00ff"
    assert table["nothing"].null_count == table.num_rows
    told = table.schema.field("started_at").metadata
    assert told[b"spanreel.sql_type"] == b"TIMESTAMP_NS", told


def binds_parameters(connection, cursor):
    cursor.execute("select count(*) from tool_calls where tool_name = ?", ("Bash",))
    bash = cursor.fetchone()[0]
    assert bash > 0
    cursor.execute("select $1::bigint + 1, $2::varchar || 'b', $3::double", (41, "a", 0.5))
    assert cursor.fetchone() == (42, "ab", 0.5)
    cursor.execute("select ? is null", (None,))
    assert cursor.fetchone()[0] is True
    refuses(cursor, "select ?", "1 parameters")
    cursor.adbc_prepare("select count(*) from tool_calls where tool_name = ?")
    for name, wanted in (("Bash", bash), ("none such", 0)):
        cursor.execute("select count(*) from tool_calls where tool_name = ?", (name,))
        assert cursor.fetchone()[0] == wanted
    schema = cursor.adbc_execute_schema("select 1::bigint as a, 'x' as b")
    assert schema.names == ["a", "b"] and schema.field("a").type == pa.int64(), schema


def lists_tables(connection):
    assert set(connection.adbc_get_table_types()) == {"VIEW"}
    objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    assert [catalog["catalog_name"] for catalog in objects] == ["spanreel"]
    (schema,) = objects[0]["catalog_db_schemas"]
    assert schema["db_schema_name"] == "main"
    tables = {table["table_name"]: table for table in schema["db_schema_tables"]}
    assert {"sessions", "spans", "messages", "findings"} <= set(tables), set(tables)
    columns = [column["column_name"] for column in tables["spans"]["table_columns"]]
    assert "trace_id" in columns and "attributes" in columns
    assert "session_id" in connection.adbc_get_table_schema("sessions", db_schema_filter="main").names
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Spanreel", info


def refuses_writing(cursor):
    for sql in (
        "delete from spans",
        "insert into sessions select * from sessions",
        "create table t as select 1",
        "copy (select 1) to 'out.csv'",
        "attach 'other.db'",
        "select 1; delete from spans",
        "pragma database_list",
        "set memory_limit = '10GB'",
    ):
        refuses(cursor, sql)
    refuses(cursor, "delete from spans", "only reading is allowed")
    refuses(cursor, "select * from read_csv('/etc/passwd')", "not allowed")
    refuses(cursor, "select * from span", "there is no relation `span`")
    refuses(cursor, "select nope from spans", "nope")
    refuses(cursor, "selct 1", "syntax error")
    try:
        cursor.adbc_ingest("t", pa.table({"a": [1]}))
    except adbc_driver_manager.Error as error:
        assert "only reading is allowed" in str(error), error
    else:
        raise AssertionError("took rows")
    cursor.execute("select count(*) from spans")
    assert cursor.fetchone()[0] > 100


def streams_a_big_result(cursor):
    rows = 2_000_000
    cursor.execute(f"select range as n, range * 2 as m, 'row ' || range as text from range({rows})")
    seen = total = batches = 0
    for batch in cursor.fetch_record_batch():
        seen += batch.num_rows
        total += sum(batch["n"].to_pylist()[:1])
        batches += 1
    assert seen == rows and batches > 100, (seen, batches)
    cursor.execute("select repeat('é', 50000) as text from range(100)")
    texts = cursor.fetch_arrow_table()["text"]
    assert len(texts) == 100 and texts[99].as_py() == "é" * 50_000


def refuses_strangers(url):
    """Names that are not served, and pages of other origins, are refused as over HTTP."""
    for option, value in (
        ("adbc.flight.sql.client_option.authority", "evil.example"),
        ("adbc.flight.sql.rpc.call_header.origin", "https://evil.example"),
    ):
        try:
            with flight_sql.connect(url, db_kwargs={option: value}) as connection, connection.cursor() as cursor:
                cursor.execute("select 1")
        except adbc_driver_manager.Error:
            continue
        raise AssertionError(f"let in: {option}")


def cancels(url):
    """A query that somebody gives up ends, and its place is free."""
    with flight_sql.connect(url) as connection, connection.cursor() as cursor:
        outcome = []

        def run():
            try:
                cursor.execute("select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = 7")
                outcome.append(cursor.fetchall())
            except adbc_driver_manager.Error as error:
                outcome.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(1)
        cursor.adbc_cancel()
        thread.join(20)
        assert not thread.is_alive(), "the query goes on"
        assert isinstance(outcome[0], adbc_driver_manager.Error), outcome


def main():
    url = sys.argv[1].replace("http://", "grpc://")
    with flight_sql.connect(url) as connection, connection.cursor() as cursor:
        reads(cursor)
        keeps_types(cursor)
        binds_parameters(connection, cursor)
        lists_tables(connection)
        refuses_writing(cursor)
        streams_a_big_result(cursor)
    refuses_strangers(url)
    for _ in range(6):
        cancels(url)
    # All the places that the given up queries had are free again.
    with flight_sql.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select 42")
        assert cursor.fetchone() == (42,)
    print("Flight SQL: all as it should be")


main()
