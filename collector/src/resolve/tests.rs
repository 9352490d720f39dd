use std::sync::Arc;

use proto::agent::{
    Act, CostSource, Decision, Facts, Operation, Origin, PayloadRef, SpanKind, Status,
    ToolCallAsked,
};
use proto::id::{SpanId, TraceId};
use store::{ActKey, ActState, Batch, LoadedAct, SessionRow};

use super::{Memory, Resolver};
use crate::prices::Prices;

mod requests;

/// A store that holds nothing yet.
#[derive(Default)]
struct Empty(i64);

impl Memory for Empty {
    fn load_acts(&mut self, _: &[TraceId], _: &[Arc<str>]) -> Result<Vec<LoadedAct>, store::Error> {
        Ok(Vec::new())
    }

    fn next_act_id(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

fn act(trace: u8, span: u8, parent: u8, operation: Operation, start_ms: i64, end_ms: i64) -> Act {
    Act {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([span; 8]),
        parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
        origin: Origin::Span,
        operation,
        plumbing: false,
        part_of_parent: false,
        name: operation.as_str().into(),
        kind: SpanKind::Internal,
        start_ns: start_ms * 1_000_000,
        end_ns: Some(end_ms * 1_000_000),
        status: Status::Unset,
        status_message: None,
        facts: Facts::default(),
        tool_results_seen: Vec::new(),
        tool_calls_asked: Vec::new(),
        attributes: "{}".into(),
        resource: "{}".into(),
        links: String::new(),
        scope_name: "".into(),
        scope_version: "".into(),
        service_name: "".into(),
        trace_state: String::new(),
        dropped_attributes_count: 0,
        record: None,
    }
}

fn with(mut act: Act, change: impl FnOnce(&mut Act)) -> Act {
    change(&mut act);
    act
}

fn prices() -> Arc<Prices> {
    Arc::new(Prices::load(std::path::Path::new("/nonexistent")).unwrap())
}

fn in_session(act: Act, session: &str) -> Act {
    with(act, |a| a.facts.session_id = Some(session.into()))
}

/// The rows as they stand after all batches.
#[derive(Default)]
struct World {
    acts: std::collections::BTreeMap<ActKey, ActState>,
    sessions: std::collections::BTreeMap<String, SessionRow>,
    turn_prompts: usize,
    duplicates: u64,
}

impl World {
    fn of(batches: Vec<Vec<Act>>) -> Self {
        let mut world = World::default();
        let mut resolver = Resolver::new(1_000_000, prices());
        let mut memory = Empty::default();
        for acts in batches {
            let mut batch = Batch::default();
            resolver.prepare(&acts, &mut memory).unwrap();
            let outcome = resolver.resolve(acts, &mut memory, &mut batch);
            world.duplicates += outcome.duplicate_count;
            for (_, state) in batch.new_acts {
                assert!(world.acts.insert(state.key, state).is_none());
            }
            for state in batch.changed_acts {
                assert!(world.acts.insert(state.key, state).is_some());
            }
            for id in batch.removed_sessions {
                world.sessions.remove(&*id);
            }
            for row in batch.sessions {
                world.sessions.insert(row.session_id.to_string(), row);
            }
            world.turn_prompts = batch.turns.iter().filter(|t| t.prompt.is_some()).count();
        }
        world
    }

    fn act(&self, trace: u8, span: u8) -> &ActState {
        &self.acts[&ActKey {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([span; 8]),
        }]
    }

    fn only_session(&self) -> &SessionRow {
        assert_eq!(self.sessions.len(), 1, "{:?}", self.sessions.keys());
        self.sessions.values().next().unwrap()
    }
}

/// Every act in a batch of its own, first in this order, then in the reverse order; both worlds must
/// agree with the world of one batch.
fn in_any_order(acts: Vec<Act>) -> World {
    let one = World::of(vec![acts.clone()]);
    let forward = World::of(acts.iter().cloned().map(|a| vec![a]).collect());
    let backward = World::of(acts.into_iter().rev().map(|a| vec![a]).collect());
    for other in [&forward, &backward] {
        assert_eq!(one.sessions, other.sessions);
        for (key, state) in &one.acts {
            let seen = &other.acts[key];
            assert_eq!(state.derived, seen.derived, "{key:?}");
            // A record that was the only one of its act for a while keeps what it had gathered.
            if state.derived.duplicate_of.is_none() {
                assert_eq!(state.facts, seen.facts, "{key:?}");
            }
            assert_eq!(state.status, seen.status, "{key:?}");
        }
    }
    one
}

#[test]
fn a_session_id_that_comes_late_gathers_its_traces_and_replaces_the_stand_in() {
    let world = in_any_order(vec![
        act(1, 2, 1, Operation::Model, 10, 20),
        act(1, 3, 1, Operation::Tool, 20, 30),
        in_session(act(1, 1, 0, Operation::Turn, 5, 40), "s"),
        in_session(act(2, 1, 0, Operation::Turn, 50, 60), "s"),
    ]);
    let session = world.only_session();
    assert_eq!(
        (&*session.session_id, session.inferred, session.turn_count),
        ("s", false, 2)
    );
    assert_eq!(world.act(1, 3).derived.turn, 1);
    assert_eq!(session.status, "ok");
}

#[test]
fn a_tool_call_told_by_span_parts_and_logs_is_one_call_with_its_outcome() {
    let tool = |a: Act| {
        with(in_session(a, "s"), |a| {
            a.facts.tool_call_id = Some("call".into());
            a.facts.tool_name = Some("Bash".into());
        })
    };
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        tool(act(1, 2, 1, Operation::Tool, 10, 50)),
        with(tool(act(1, 3, 2, Operation::Internal, 20, 50)), |a| {
            a.part_of_parent = true;
            a.status = Status::Error;
            a.facts.success = Some(false);
            a.facts.error_type = Some("ShellError".into());
        }),
        with(
            in_session(act(1, 4, 2, Operation::Policy, 10, 12), "s"),
            |a| {
                a.part_of_parent = true;
                a.facts.decision = Some(Decision::Allow);
            },
        ),
        with(tool(act(1, 5, 1, Operation::Tool, 20, 50)), |a| {
            a.origin = Origin::Log;
            a.facts.input = Some(PayloadRef::of(b"{}"));
            a.facts.call_hash = Some("abcd".into());
        }),
        with(tool(act(1, 6, 4, Operation::Policy, 12, 12)), |a| {
            a.origin = Origin::Log
        }),
    ]);
    let session = world.only_session();
    assert_eq!(
        (
            session.tool_call_count,
            session.error_count,
            session.denied_count
        ),
        (1, 1, 0)
    );
    let tool = world.act(1, 2);
    assert_eq!(tool.status, Status::Error);
    assert_eq!(tool.facts.error_type.as_deref(), Some("ShellError"));
    assert_eq!(tool.facts.decision, Some(Decision::Allow));
    assert_eq!(tool.facts.call_hash.as_deref(), Some("abcd"));
    assert_eq!(world.act(1, 5).derived.duplicate_of, Some(tool.key));
    assert_eq!(world.act(1, 6).derived.duplicate_of, Some(tool.key));
}

#[test]
fn a_hook_that_blocks_a_call_is_one_denial_and_still_a_fire() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        in_session(act(1, 2, 1, Operation::Tool, 10, 50), "s"),
        with(
            in_session(act(1, 3, 2, Operation::Policy, 10, 50), "s"),
            |a| {
                a.part_of_parent = true;
                a.facts.decision = Some(Decision::Deny);
                a.facts.decision_source = Some("hook".into());
            },
        ),
        with(
            in_session(act(1, 4, 1, Operation::Hook, 15, 40), "s"),
            |a| {
                a.origin = Origin::Log;
                a.facts.decision = Some(Decision::Deny);
                a.facts.hook_name = Some("PreToolUse:Bash".into());
            },
        ),
    ]);
    let session = world.only_session();
    assert_eq!((session.denied_count, session.error_count), (1, 0));
    assert_eq!(
        world.act(1, 2).facts.hook_name.as_deref(),
        Some("PreToolUse:Bash")
    );
    assert_eq!(world.act(1, 4).derived.duplicate_of, None);
}

#[test]
fn a_model_request_seen_by_log_span_and_nested_client_counts_once() {
    let request = |a: Act| {
        with(in_session(a, "s"), |a| {
            a.facts.request_id = Some("req_1".into())
        })
    };
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        request(act(1, 2, 1, Operation::Model, 10, 50)),
        act(1, 3, 2, Operation::Model, 11, 49),
        with(request(act(1, 4, 1, Operation::Model, 12, 51)), |a| {
            a.origin = Origin::Log;
            a.facts.cost_usd = Some(0.5);
        }),
        with(
            in_session(act(1, 5, 1, Operation::Model, 10, 10), "s"),
            |a| {
                a.origin = Origin::Log;
                a.part_of_parent = true;
                a.facts.join_key = Some("body".into());
                a.facts.input = Some(PayloadRef::of(b"request"));
            },
        ),
        with(request(act(1, 6, 1, Operation::Model, 50, 50)), |a| {
            a.origin = Origin::Log;
            a.part_of_parent = true;
            a.facts.join_key = Some("body".into());
        }),
    ]);
    let session = world.only_session();
    assert_eq!(
        (session.model_request_count, session.cost_usd),
        (1, Some(0.5))
    );
    let canonical = world.act(1, 2);
    assert_eq!(canonical.facts.input, Some(PayloadRef::of(b"request")));
    for span in [3, 4, 5, 6] {
        assert_eq!(
            world.act(1, span).derived.duplicate_of,
            Some(canonical.key),
            "{span}"
        );
    }
}

#[test]
fn ids_that_a_server_reuses_one_after_the_other_stay_two_requests() {
    let request = |a: Act| {
        with(in_session(a, "s"), |a| {
            a.facts.request_id = Some("resp".into())
        })
    };
    let world = in_any_order(vec![
        request(act(1, 1, 0, Operation::Model, 0, 10)),
        request(act(1, 2, 0, Operation::Model, 20, 30)),
    ]);
    assert_eq!(world.only_session().model_request_count, 2);
}

#[test]
fn sending_a_batch_twice_stores_it_once() {
    let acts = vec![
        act(1, 1, 0, Operation::Tool, 0, 10),
        act(1, 2, 1, Operation::Tool, 0, 10),
    ];
    let world = World::of(vec![acts.clone(), acts]);
    assert_eq!((world.duplicates, world.acts.len()), (2, 2));
}

#[test]
fn circles_of_parents_end() {
    let world = in_any_order(vec![
        act(1, 1, 2, Operation::Internal, 0, 10),
        act(1, 2, 1, Operation::Internal, 0, 10),
        act(1, 3, 3, Operation::Internal, 0, 10),
    ]);
    assert_eq!(world.acts.len(), 3);
}

#[test]
fn a_subagent_with_its_own_conversation_is_a_child_session() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Agent, 0, 100), "main"),
        in_session(act(1, 2, 1, Operation::Tool, 10, 90), "main"),
        in_session(act(1, 3, 2, Operation::Agent, 20, 80), "child"),
        act(1, 4, 3, Operation::Model, 30, 40),
    ]);
    assert_eq!(
        world.sessions["child"].parent_session_id.as_deref(),
        Some("main")
    );
    assert_eq!(&*world.act(1, 4).derived.session_id, "child");
    assert!(world.act(1, 3).facts.starts_subagent);
}

#[test]
fn a_run_killed_inside_a_turn_that_ended_is_killed_and_one_without_its_turn_runs() {
    let killed = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        with(
            in_session(act(1, 3, 2, Operation::Policy, 10, 12), "s"),
            |a| a.part_of_parent = true,
        ),
    ]);
    assert_eq!(killed.only_session().status, "killed");
    let open = in_any_order(vec![in_session(
        act(1, 2, 1, Operation::Model, 10, 12),
        "s",
    )]);
    assert_eq!(open.only_session().status, "running");
}

#[test]
fn requests_that_resend_a_prompt_are_one_turn() {
    let request = |trace: u8, prompt: &str| {
        let at = i64::from(trace) * 10;
        with(
            in_session(act(trace, trace, 0, Operation::Model, at, at + 5), "s"),
            |a| a.facts.prompt = Some(PayloadRef::of(prompt.as_bytes())),
        )
    };
    let world = in_any_order(vec![
        request(1, "fix it"),
        in_session(act(2, 2, 0, Operation::Tool, 20, 25), "s"),
        request(3, "fix it"),
        request(4, "and the other"),
        request(5, "and the other"),
    ]);
    assert_eq!(world.only_session().turn_count, 2);
    assert_eq!(world.act(3, 3).derived.turn, 1);
    assert_eq!(world.act(5, 5).derived.turn, 2);
}

#[test]
fn a_silent_session_ended_in_the_way_that_its_last_acts_tell() {
    let log = |span, operation, at, change: fn(&mut Act)| {
        let mut act = in_session(act(1, span, 0, operation, at, at + 1), "s");
        act.origin = Origin::Log;
        change(&mut act);
        act
    };
    let silent = |last: Act| {
        let world = in_any_order(vec![
            log(1, Operation::Turn, 0, |_| {}),
            log(2, Operation::Model, 10, |_| {}),
            last,
        ]);
        let session = world.only_session();
        (session.status, session.silent_status)
    };
    let plain = |_: &mut Act| {};
    assert_eq!(
        silent(log(3, Operation::Model, 20, plain)),
        ("running", "ok")
    );
    assert_eq!(
        silent(log(3, Operation::Tool, 20, plain)),
        ("running", "killed")
    );
    let failed = log(3, Operation::Model, 20, |a| a.status = Status::Error);
    assert_eq!(silent(failed), ("running", "error"));
    let stopped = log(3, Operation::Tool, 20, |a| {
        a.facts.decision = Some(Decision::Deny);
        a.facts.decision_source = Some("user_abort".into());
    });
    assert_eq!(silent(stopped), ("running", "interrupted"));
    let last_answer = log(3, Operation::Model, 20, |a| {
        a.facts.finish_reason = Some("end_turn".into());
    });
    assert_eq!(silent(last_answer).0, "ok");
}

#[test]
fn a_trace_of_nothing_but_plumbing_is_no_session() {
    let plumbing = with(act(1, 1, 0, Operation::Internal, 0, 10), |a| {
        a.plumbing = true
    });
    let world = in_any_order(vec![plumbing, act(2, 1, 0, Operation::Mcp, 0, 10)]);
    assert!(world.sessions.is_empty());
    assert_eq!(world.acts.len(), 2);
}

#[test]
fn a_tool_span_without_arguments_takes_them_from_the_answer_that_asked_for_it() {
    let asked = |a: Act| {
        with(a, |a| {
            a.tool_calls_asked = vec![proto::agent::ToolCallAsked {
                tool_call_id: Some("c".into()),
                tool_name: "run".into(),
                mcp_server: None,
                input: Some(PayloadRef::of(b"{}")),
                call_hash: Some("hash".into()),
                detail: Some("ls".into()),
            }];
        })
    };
    let tool = |a: Act| with(a, |a| a.facts.tool_name = Some("run".into()));
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Agent, 0, 100), "s"),
        asked(act(1, 2, 1, Operation::Model, 10, 20)),
        tool(act(1, 3, 1, Operation::Tool, 21, 25)),
        asked(act(1, 4, 1, Operation::Model, 30, 40)),
        tool(act(1, 5, 1, Operation::Tool, 41, 45)),
    ]);
    for span in [3, 5] {
        assert_eq!(
            world.act(1, span).facts.call_hash.as_deref(),
            Some("hash"),
            "{span}"
        );
    }
}

#[test]
fn the_whole_answer_wins_over_its_text() {
    let whole = PayloadRef::of(b"text and tool call");
    let part = |span: u8, at: i64, change: &dyn Fn(&mut Facts)| {
        in_session(
            with(act(1, span, 1, Operation::Model, at, at), |a| {
                a.origin = Origin::Log;
                a.part_of_parent = true;
                a.facts.request_id = Some("req".into());
                change(&mut a.facts);
            }),
            "s",
        )
    };
    let world = in_any_order(vec![
        in_session(
            with(act(1, 2, 1, Operation::Model, 0, 10), |a| {
                a.facts.request_id = Some("req".into());
            }),
            "s",
        ),
        part(3, 10, &|facts| facts.output = Some(PayloadRef::of(b"text"))),
        part(4, 11, &|facts| {
            facts.output = Some(whole);
            facts.call_hash = Some("answer".into());
        }),
    ]);
    assert_eq!(world.act(1, 2).facts.output, Some(whole));
}

#[test]
fn a_request_without_a_cost_is_priced_once_and_a_reported_cost_stays() {
    let request = |span: u8, at: i64, model: &str| {
        with(
            in_session(act(1, span, 1, Operation::Model, at, at + 5), "s"),
            |a| {
                a.facts.model = Some(model.into());
                a.facts.input_tokens = Some(1_000_000);
                a.facts.output_tokens = Some(0);
            },
        )
    };
    let world = in_any_order(vec![
        // The sum of its requests, which is not added to them.
        with(
            in_session(act(1, 1, 0, Operation::Agent, 0, 100), "s"),
            |a| {
                a.facts.model = Some("gpt-5".into());
                a.facts.input_tokens = Some(3_000_000);
                a.facts.output_tokens = Some(0);
            },
        ),
        request(2, 10, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        // The same request, told again by the client inside it.
        with(request(3, 11, "claude-sonnet-4-5"), |a| {
            a.parent_span_id = Some(SpanId([2; 8]));
            a.end_ns = Some(12_000_000);
        }),
        with(request(4, 30, "claude-sonnet-4-5"), |a| {
            a.facts.cost_usd = Some(0.25);
            a.facts.cost_source = Some(CostSource::Reported);
        }),
        request(5, 50, "a-model-of-nobody"),
    ]);
    assert_eq!(world.only_session().cost_usd, Some(3.25));
    let cost = |span| {
        let facts = &world.act(1, span).facts;
        (facts.cost_usd, facts.cost_source)
    };
    assert_eq!(cost(1), (None, None));
    assert_eq!(cost(2), (Some(3.0), Some(CostSource::PriceTable)));
    assert_eq!(cost(3), (None, None));
    assert_eq!(cost(4), (Some(0.25), Some(CostSource::Reported)));
    assert_eq!(cost(5), (None, None));
}

/// An answer that asks for a call, and the next request with what came of it.
fn asked_and_answered(id: &str, error: &str) -> Vec<Act> {
    vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        with(
            in_session(act(1, 2, 1, Operation::Model, 10, 20), "s"),
            |a| {
                a.tool_calls_asked = vec![proto::agent::ToolCallAsked {
                    tool_call_id: Some(id.into()),
                    tool_name: "Bash".into(),
                    mcp_server: None,
                    input: Some(PayloadRef::of(b"sleep")),
                    call_hash: Some("0123456789abcdef".into()),
                    detail: None,
                }];
            },
        ),
        with(
            in_session(act(1, 3, 1, Operation::Model, 30, 40), "s"),
            |a| {
                a.tool_results_seen = vec![proto::agent::ToolResultSeen {
                    tool_call_id: id.into(),
                    output: PayloadRef::of(error.as_bytes()),
                    is_error: Some(true),
                    error: Some(error.into()),
                }];
            },
        ),
    ]
}

#[test]
fn a_call_refused_before_it_ran_is_a_failed_call_at_the_end_of_the_answer_that_asked_for_it() {
    let refusal = "<tool_use_error>Blocked: sleep</tool_use_error>";
    let mut acts = asked_and_answered("c-1", refusal);
    // A later request tells it again.
    let again = with(
        in_session(act(1, 4, 1, Operation::Model, 50, 60), "s"),
        |a| {
            a.tool_results_seen.clone_from(&acts[2].tool_results_seen);
        },
    );
    acts.push(again);
    let world = in_any_order(acts);
    let session = world.only_session();
    assert_eq!((session.tool_call_count, session.error_count), (1, 1));
    let refused = world
        .acts
        .values()
        .find(|act| act.operation == Operation::Tool)
        .unwrap();
    assert_eq!(refused.start_ns, 20_000_000);
    assert_eq!(refused.status, Status::Error);
    assert_eq!(refused.derived.turn, 1);
    assert_eq!(
        refused.facts.error_message.as_deref(),
        Some("Blocked: sleep")
    );
    assert_eq!(refused.facts.input, Some(PayloadRef::of(b"sleep")));
    assert_eq!(
        refused.facts.output,
        Some(PayloadRef::of(refusal.as_bytes()))
    );
}

#[test]
fn a_refused_call_that_reports_itself_counts_once() {
    for origin in [Origin::Span, Origin::Log] {
        let mut acts = asked_and_answered("c-1", "<tool_use_error>File is missing.");
        acts.push(with(
            in_session(act(1, 5, 1, Operation::Tool, 21, 25), "s"),
            |a| {
                a.origin = origin;
                a.facts.tool_call_id = Some("c-1".into());
                a.facts.tool_name = Some("Bash".into());
                a.facts.success = Some(false);
            },
        ));
        let world = in_any_order(acts);
        assert_eq!(world.only_session().tool_call_count, 1, "{origin:?}");
        let call = world.act(1, 5);
        assert_eq!(call.derived.duplicate_of, None);
        assert_eq!(call.facts.input, Some(PayloadRef::of(b"sleep")));
    }
}

#[test]
fn a_denial_by_a_policy_engine_bears_its_name() {
    let reason =
        "Blocked Bash by failproofai because: no sudo, as per the policy configured by the user";
    let mut acts = asked_and_answered("c-1", reason);
    acts.push(with(
        in_session(act(1, 5, 1, Operation::Policy, 21, 21), "s"),
        |a| {
            a.origin = Origin::Log;
            a.facts.tool_call_id = Some("c-1".into());
            a.facts.decision = Some(Decision::Deny);
            a.facts.decision_source = Some("hook".into());
        },
    ));
    let world = in_any_order(acts);
    let call = world.act(1, 5);
    assert_eq!(call.operation, Operation::Tool);
    assert_eq!(call.facts.decision_source.as_deref(), Some("failproofai"));
    assert_eq!(call.facts.error_message.as_deref(), Some("no sudo"));
    assert_eq!(world.only_session().denied_count, 1);
}

#[test]
fn a_key_of_the_users_own_making_yields_to_the_conversation() {
    let weak = |act: Act, id: &str| with(act, |a| a.facts.resource_session_id = Some(id.into()));
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Agent, 0, 100), "thread"),
        weak(act(1, 2, 1, Operation::Model, 10, 20), "mine"),
        // Two requests of one trace, each with a session of its own and no conversation anywhere.
        weak(act(2, 1, 0, Operation::Model, 200, 210), "a"),
        weak(act(2, 2, 0, Operation::Model, 220, 230), "b"),
    ]);
    let ids: Vec<&str> = world.sessions.keys().map(String::as_str).collect();
    assert_eq!(ids, ["a", "b", "thread"]);
}

fn named(act: Act, agent: &str) -> Act {
    with(act, |a| a.facts.agent_name = Some(agent.into()))
}

#[test]
fn an_agents_run_that_two_spans_report_is_one() {
    let world = in_any_order(vec![
        named(act(1, 1, 0, Operation::Agent, 0, 100), "clerk"),
        named(act(1, 2, 1, Operation::Agent, 1, 99), "clerk"),
        act(1, 3, 2, Operation::Model, 10, 20),
        act(1, 4, 2, Operation::Tool, 30, 90),
        // The one without anything below it lies beside the one that works.
        named(act(1, 5, 4, Operation::Agent, 31, 89), "helper"),
        named(act(1, 6, 4, Operation::Agent, 32, 88), "helper"),
        act(1, 7, 6, Operation::Model, 40, 50),
    ]);
    let session = world.only_session();
    assert_eq!((session.turn_count, session.subagent_count), (1, 1));
    assert_eq!(
        world.act(1, 2).derived.duplicate_of,
        Some(world.act(1, 1).key)
    );
    assert_eq!(
        world.act(1, 5).derived.duplicate_of,
        Some(world.act(1, 6).key)
    );
}

#[test]
fn a_frame_stands_for_a_call_that_never_ran() {
    let frame = |span, id: &str| {
        with(act(1, span, 1, Operation::Internal, 10, 50), |a| {
            a.plumbing = true;
            a.facts.tool_name = Some("look".into());
            a.facts.tool_call_id = Some(id.into());
        })
    };
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Agent, 0, 100), "s"),
        frame(2, "ran"),
        with(act(1, 3, 2, Operation::Tool, 20, 40), |a| {
            a.facts.tool_name = Some("look".into());
            a.facts.tool_call_id = Some("ran".into());
        }),
        frame(4, "refused"),
    ]);
    assert_eq!(world.only_session().tool_call_count, 2);
    assert!(world.act(1, 2).plumbing && !world.act(1, 4).plumbing);
    assert_eq!(world.act(1, 4).operation, Operation::Tool);
}

#[test]
fn one_call_with_two_spans_keeps_the_one_that_acts_hang_below() {
    let call = |span, start| {
        with(act(1, span, 0, Operation::Tool, start, 90), |a| {
            a.facts.tool_name = Some("task".into());
            a.facts.tool_call_id = Some("c".into());
            a.facts.session_id = Some("s".into());
        })
    };
    let world = in_any_order(vec![
        call(1, 10),
        call(2, 12),
        act(1, 3, 2, Operation::Model, 20, 30),
    ]);
    assert_eq!(world.only_session().tool_call_count, 1);
    assert_eq!(
        world.act(1, 1).derived.duplicate_of,
        Some(world.act(1, 2).key)
    );
}

#[test]
fn a_check_below_internals_tells_its_call() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Tool, 0, 100), "s"),
        act(1, 2, 1, Operation::Internal, 10, 90),
        with(act(1, 3, 2, Operation::Policy, 20, 30), |a| {
            a.part_of_parent = true
        }),
        with(act(1, 4, 3, Operation::Policy, 25, 25), |a| {
            a.part_of_parent = true;
            a.origin = Origin::Log;
            a.facts.decision = Some(Decision::Deny);
            a.facts.decision_source = Some("config".into());
        }),
    ]);
    let facts = &world.act(1, 1).facts;
    assert_eq!(facts.decision, Some(Decision::Deny));
    assert_eq!(facts.decision_source.as_deref(), Some("config"));
    assert_eq!(world.only_session().denied_count, 1);
}

#[test]
fn a_handoff_takes_the_name_that_the_model_called() {
    let mut request = in_session(act(1, 1, 0, Operation::Model, 0, 10), "s");
    request.tool_calls_asked = ["look", "transfer_to_helper"]
        .map(|name| ToolCallAsked {
            tool_call_id: Some(format!("id of {name}").into()),
            tool_name: name.into(),
            mcp_server: None,
            input: None,
            call_hash: None,
            detail: None,
        })
        .to_vec();
    let world = in_any_order(vec![
        request,
        in_session(act(1, 2, 0, Operation::Tool, 20, 30), "s"),
        with(
            in_session(act(1, 3, 0, Operation::Tool, 21, 30), "s"),
            |a| {
                a.facts.tool_name = Some("look".into());
            },
        ),
        // Nothing asked for this one: it is named after its record.
        in_session(act(1, 4, 0, Operation::Tool, 40, 50), "s"),
    ]);
    let name = |span| world.act(1, span).facts.tool_name.clone().unwrap();
    assert_eq!(&*name(2), "transfer_to_helper");
    assert_eq!(&*name(3), "look");
    assert_eq!(&*name(4), "tool");
}

#[test]
fn a_turn_that_only_a_record_reports_ends_with_its_last_answer() {
    let turn = with(in_session(act(1, 9, 0, Operation::Turn, 0, 0), "s"), |a| {
        a.origin = Origin::Log;
    });
    let answer = |finish: &str| {
        with(
            in_session(act(1, 1, 8, Operation::Model, 10, 20), "s"),
            |a| {
                a.facts.finish_reason = Some(finish.into());
            },
        )
    };
    let ended = |finish| {
        let world = in_any_order(vec![turn.clone(), answer(finish)]);
        world.only_session().ended
    };
    assert!(ended("stop"));
    assert!(!ended("tool-calls"));
}

#[test]
fn a_child_session_has_a_turn_and_a_prompt_of_its_own() {
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Model, 0, 10), "main"),
        with(
            in_session(act(1, 2, 0, Operation::Tool, 20, 90), "main"),
            |a| {
                a.facts.starts_subagent = true;
            },
        ),
        in_session(act(1, 3, 2, Operation::Model, 30, 40), "child"),
    ]);
    let child = &world.sessions["child"];
    assert_eq!(child.parent_session_id.as_deref(), Some("main"));
    assert_eq!((child.turn_count, child.model_request_count), (1, 1));
    assert_eq!(world.sessions["main"].subagent_count, 1);
}

#[test]
fn thoughts_that_are_counted_beside_the_answer_are_output() {
    let request = |span: u8, harness: &str| {
        with(
            in_session(act(1, span, 1, Operation::Model, 10, 20), "s"),
            |a| {
                a.facts.request_id = Some(harness.into());
                a.facts.harness = Some(harness.into());
                a.facts.output_tokens = Some(18);
            },
        )
    };
    let log = |span: u8, harness: &str| {
        with(request(span, harness), |a| {
            a.origin = Origin::Log;
            a.facts.reasoning_tokens = Some(5);
        })
    };
    let world = in_any_order(vec![
        in_session(act(1, 1, 0, Operation::Turn, 0, 100), "s"),
        request(2, "gemini-cli"),
        log(3, "gemini-cli"),
        request(4, "codex"),
        log(5, "codex"),
    ]);
    assert_eq!(world.act(1, 2).facts.output_tokens, Some(23));
    assert_eq!(world.act(1, 4).facts.output_tokens, Some(18));
    assert_eq!(world.only_session().output_tokens, 41);
}
