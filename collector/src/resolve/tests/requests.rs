//! Requests, calls and agents that are told by several records without a common id.

use proto::agent::{Act, Decision, Operation, Origin, PayloadRef, Status};

use super::{World, act, in_any_order, in_session, with};

fn record(span: u8, name: &str, operation: Operation, start_ms: i64, end_ms: i64) -> Act {
    with(
        in_session(act(9, span, 0, operation, start_ms, end_ms), "s"),
        |a| {
            a.origin = Origin::Log;
            a.name = name.into();
        },
    )
}

/// An attempt to send a request: the first stands for it.
fn attempt(span: u8, number: i64, start_ms: i64, end_ms: i64, succeeds: bool) -> Act {
    let name = "x.api_request";
    with(
        record(span, name, Operation::Model, start_ms, end_ms),
        |a| {
            a.facts.attempt_count = Some(number);
            a.part_of_parent = number > 1;
            if !succeeds {
                a.facts.success = Some(false);
                a.facts.error_type = Some("503".into());
                a.status = Status::Error;
            }
        },
    )
}

fn completion(span: u8, at_ms: i64, tokens: i64) -> Act {
    let name = "x.sse_event";
    with(record(span, name, Operation::Model, at_ms, at_ms), |a| {
        a.facts.input_tokens = Some(tokens);
        a.facts.model = Some("m".into());
        a.facts.success = Some(true);
        a.status = Status::Ok;
    })
}

fn open(span: u8, name: &str, at_ms: i64) -> Act {
    with(record(span, name, Operation::Model, at_ms, at_ms), |a| {
        a.facts.input = Some(PayloadRef::of(b"whole input"));
        a.facts.model = Some("m".into());
    })
}

fn requests(world: &World) -> (i64, i64, i64) {
    let row = world.only_session();
    (row.model_request_count, row.error_count, row.input_tokens)
}

#[test]
fn attempts_and_answer_of_a_request_that_only_records_tell_of_are_one() {
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        attempt(2, 1, 10, 20, false),
        attempt(3, 2, 1_010, 1_020, true),
        completion(4, 1_400, 7),
        attempt(5, 1, 1_500, 1_510, true),
        completion(6, 1_530, 9),
    ]);
    assert_eq!(requests(&world), (2, 0, 16));
    let first = world.act(9, 2);
    assert_eq!(first.facts.attempt_count, Some(2));
    assert_eq!(first.facts.success, Some(true));
    assert_eq!(first.status, Status::Ok);
    assert_eq!(first.end_ns, Some(1_400_000_000));
}

#[test]
fn a_request_that_was_given_up_has_failed() {
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        attempt(2, 1, 10, 20, false),
        attempt(3, 2, 1_010, 1_020, false),
        record(4, "prompt", Operation::Turn, 5_000, 5_000),
        attempt(5, 1, 5_010, 5_020, true),
        completion(6, 5_030, 9),
    ]);
    assert_eq!(requests(&world), (2, 1, 9));
    assert_eq!(world.act(9, 2).facts.error_type.as_deref(), Some("503"));
}

#[test]
fn steps_of_a_request_under_their_wrapper_are_one_request_with_its_model() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        with(act(1, 2, 1, Operation::Model, 10, 90), |a| {
            a.plumbing = true;
            a.facts.model = Some("m".into());
        }),
        act(1, 3, 2, Operation::Model, 11, 30),
        with(act(1, 4, 2, Operation::Model, 12, 20), |a| {
            a.facts.attempt_count = Some(3);
        }),
        with(act(1, 5, 2, Operation::Internal, 20, 90), |a| {
            a.plumbing = true
        }),
        with(act(1, 6, 5, Operation::Model, 32, 33), |a| {
            a.facts.input_tokens = Some(7);
        }),
        with(act(1, 7, 5, Operation::Tool, 31, 89), |a| {
            a.facts.tool_call_id = Some("c".into());
        }),
        attempt(8, 1, 12, 20, false),
        completion(9, 29, 7),
    ]);
    assert_eq!(requests(&world), (1, 0, 7));
    assert_eq!(world.only_session().tool_call_count, 1);
    let request = world.act(1, 3);
    assert_eq!(request.facts.model.as_deref(), Some("m"));
    assert_eq!(request.facts.attempt_count, Some(3));
    assert_eq!(request.end_ns, Some(33_000_000));
    assert_eq!(world.act(9, 9).derived.duplicate_of, Some(request.key));
}

#[test]
fn four_records_of_a_request_without_any_id_are_one_and_an_aborted_one_stays_apart() {
    let answer = |span, name: &str, start, end, tokens| {
        with(record(span, name, Operation::Model, start, end), |a| {
            a.facts.model = Some("m".into());
            a.facts.input_tokens = Some(tokens);
            a.facts.output = Some(PayloadRef::of(b"answer"));
            a.facts.success = Some(true);
        })
    };
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        open(2, "api_request", 10),
        open(3, "details", 12),
        // Given up: nothing more is said of it.
        open(4, "api_request", 500),
        open(5, "details", 501),
        open(6, "api_request", 600),
        open(7, "details", 601),
        answer(8, "api_response", 600, 900, 5),
        answer(9, "details", 905, 905, 5),
    ]);
    assert_eq!(requests(&world), (3, 0, 5));
    let answered = world.act(9, 6);
    assert_eq!(answered.facts.output, Some(PayloadRef::of(b"answer")));
    for span in [7, 8, 9] {
        assert_eq!(world.act(9, span).derived.duplicate_of, Some(answered.key));
    }
}

#[test]
fn a_record_goes_to_the_span_that_was_open_and_its_whole_payload_wins() {
    let span = |span, start, end| {
        with(
            in_session(act(1, span, 0, Operation::Model, start, end), "s"),
            |a| {
                a.facts.model = Some("m".into());
                a.facts.input = Some(PayloadRef::of(b"cut"));
                a.facts.truncated_upstream = Some("cut".into());
            },
        )
    };
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        span(2, 10, 50),
        span(3, 60, 90),
        open(4, "api_request", 10),
        open(5, "api_request", 61),
        completion(6, 49, 7),
        completion(7, 91, 8),
    ]);
    assert_eq!(requests(&world), (2, 0, 15));
    for span in [2, 3] {
        let facts = &world.act(1, span).facts;
        assert_eq!(facts.input, Some(PayloadRef::of(b"whole input")));
        assert_eq!(facts.truncated_upstream, None);
    }
    assert_eq!(world.act(1, 2).facts.input_tokens, Some(7));
}

#[test]
fn records_of_calls_without_an_id_join_the_spans_one_by_one() {
    let call = |a: Act, hash: &str| {
        with(in_session(a, "s"), |a| {
            a.facts.tool_name = Some("run".into());
            a.facts.call_hash = Some(hash.into());
        })
    };
    let log = |span, start, end, hash: &str| {
        let logged = record(span, "tool_call", Operation::Tool, start, end);
        with(call(logged, hash), |a| {
            a.facts.exit_code = Some(i64::from(span));
            a.facts.success = Some(false);
            a.status = Status::Error;
        })
    };
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        call(act(1, 2, 0, Operation::Tool, 10, 50), "a"),
        call(act(1, 3, 0, Operation::Tool, 11, 51), "b"),
        call(act(1, 4, 0, Operation::Tool, 60, 70), "a"),
        log(5, 8, 51, "a"),
        log(6, 8, 52, "b"),
        log(7, 58, 71, "a"),
        // Stopped before it ran: no span at all.
        with(log(8, 80, 90, "c"), |a| {
            a.facts.decision = Some(Decision::Deny);
            a.facts.success = None;
            a.status = Status::Unset;
        }),
    ]);
    let row = world.only_session();
    assert_eq!(
        (row.tool_call_count, row.error_count, row.denied_count),
        (4, 3, 1)
    );
    for (span, code) in [(2, 5), (3, 6), (4, 7)] {
        assert_eq!(world.act(1, span).facts.exit_code, Some(code));
    }
}

#[test]
fn a_call_without_a_result_that_a_hook_saw_was_stopped_where_results_are_reported() {
    let call = |span, start, end| {
        with(
            in_session(act(1, span, 1, Operation::Tool, start, end), "s"),
            |a| {
                a.facts.tool_name = Some("run".into());
            },
        )
    };
    let hook = |span, parent, at| {
        with(act(1, span, parent, Operation::Hook, at, at + 1), |a| {
            a.facts.hook_event = Some("PreToolUse".into());
        })
    };
    let acts = |reports: bool| {
        vec![
            in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
            with(call(2, 10, 20), |a| {
                a.facts.success = reports.then_some(true)
            }),
            hook(3, 2, 11),
            call(4, 30, 40),
            hook(5, 4, 31),
        ]
    };
    let world = in_any_order(acts(true));
    assert_eq!(world.only_session().denied_count, 1);
    let facts = &world.act(1, 4).facts;
    assert_eq!(facts.decision, Some(Decision::Deny));
    assert_eq!(facts.decision_source.as_deref(), Some("hook"));
    assert_eq!(in_any_order(acts(false)).only_session().denied_count, 0);
}

#[test]
fn transport_and_records_of_a_call_give_it_its_server_and_bare_name() {
    let about = |a: Act, name: &str, server: Option<&str>| {
        with(in_session(a, "s"), |a| {
            a.facts.tool_call_id = Some("c".into());
            a.facts.tool_name = Some(name.into());
            a.facts.mcp_server = server.map(Into::into);
        })
    };
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        about(
            act(1, 2, 1, Operation::Tool, 10, 50),
            "mcp__scalesweigh",
            None,
        ),
        act(1, 3, 2, Operation::Internal, 11, 49),
        about(
            act(1, 4, 3, Operation::Mcp, 20, 40),
            "weigh",
            Some("scales"),
        ),
    ]);
    let call = world.act(1, 2);
    assert_eq!(call.facts.tool_name.as_deref(), Some("weigh"));
    assert_eq!(call.facts.mcp_server.as_deref(), Some("scales"));
    assert_eq!(world.act(1, 4).derived.duplicate_of, Some(call.key));
}

#[test]
fn a_call_that_names_the_session_it_started_is_that_sessions_parent() {
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        with(record(2, "tool_result", Operation::Tool, 10, 20), |a| {
            a.facts.starts_subagent = true;
            a.facts.child_session_id = Some("child".into());
        }),
        in_session(act(2, 3, 0, Operation::Turn, 15, 30), "child"),
    ]);
    assert_eq!(
        world.sessions["child"].parent_session_id.as_deref(),
        Some("s")
    );
    assert_eq!(world.sessions["s"].subagent_count, 1);
}

#[test]
fn a_turn_is_of_the_session_that_its_acts_name() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "main"),
        in_session(act(1, 2, 1, Operation::Tool, 10, 90), "main"),
        act(1, 3, 2, Operation::Turn, 20, 80),
        in_session(act(1, 4, 3, Operation::Tool, 30, 40), "child"),
        act(1, 5, 3, Operation::Model, 41, 50),
    ]);
    assert_eq!(&*world.act(1, 5).derived.session_id, "child");
    assert_eq!(
        world.sessions["child"].parent_session_id.as_deref(),
        Some("main")
    );
}

#[test]
fn start_and_end_of_an_agent_are_one_run_and_name_its_requests() {
    let run = |span, start, end| {
        with(record(span, "agent", Operation::Agent, start, end), |a| {
            a.facts.agent_id = Some("a-1".into());
            a.facts.agent_name = Some("porter".into());
            a.facts.starts_subagent = true;
        })
    };
    let world = in_any_order(vec![
        record(1, "prompt", Operation::Turn, 0, 0),
        run(2, 10, 10),
        with(open(3, "api_request", 20), |a| {
            a.facts.agent_id = Some("a-1".into());
        }),
        run(4, 10, 50),
    ]);
    assert_eq!(world.only_session().subagent_count, 1);
    assert_eq!(world.act(9, 2).end_ns, Some(50_000_000));
    assert_eq!(world.act(9, 3).facts.agent_name.as_deref(), Some("porter"));
}
