//! Recordings of real emitters, understood: what can be counted without joining records.
//!
//! The recordings are not part of the repository; without them the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests: a panic is the message

mod recording;
mod resolved;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto::agent::{Act, Operation, Origin, PayloadRef};

use recording::{
    count, denials, failed, find, input_tokens, longest_run, request_ids, requests, sessions,
    tools, understand, whole,
};

#[test]
fn claude_code_with_everything_on() {
    let Some(out) = understand("claude-code-grpc") else {
        return;
    };
    assert_eq!(sessions(&out).len(), 1);
    assert!(sessions(&out).contains("601107f4-8096-4582-b16e-78726cf53231"));

    // Answered model requests, by span and by log record, with the same ids and tokens.
    assert_eq!(count(&out, Origin::Span, Operation::Model), 24);
    assert_eq!(count(&out, Origin::Log, Operation::Model), 24);
    assert_eq!(request_ids(&out, Origin::Span).len(), 24);
    assert_eq!(
        request_ids(&out, Origin::Span),
        request_ids(&out, Origin::Log)
    );
    assert_eq!(
        input_tokens(&out, Origin::Span),
        input_tokens(&out, Origin::Log)
    );

    // 26 request bodies (two were refused and sent again), 24 of them paired with an answer.
    let join_keys = |with_request_id: bool| -> BTreeSet<Arc<str>> {
        out.acts
            .iter()
            .filter(|act| act.origin == Origin::Log)
            .filter(|act| act.facts.request_id.is_some() == with_request_id)
            .filter_map(|act| act.facts.join_key.clone())
            .collect()
    };
    assert_eq!(join_keys(false).len(), 26);
    assert_eq!(join_keys(true).len(), 24);
    assert!(join_keys(true).is_subset(&join_keys(false)));

    // What the model asked for and what the calls report is the same call by the same hash; one
    // answer of 196 KB came cut and one call's arguments did.
    let asked: BTreeMap<Arc<str>, Option<Arc<str>>> = out
        .acts
        .iter()
        .flat_map(|act| &act.tool_calls_asked)
        .filter_map(|call| Some((call.tool_call_id.clone()?, call.call_hash.clone())))
        .collect();
    assert_eq!(asked.len(), 22);
    let agreeing = whole(&out, Origin::Log, Operation::Tool)
        .filter(|act| {
            let id = act.facts.tool_call_id.as_ref();
            id.and_then(|id| asked.get(id)) == Some(&act.facts.call_hash)
        })
        .count();
    assert_eq!(agreeing, 21);

    assert_eq!(
        tools(&out, Origin::Span),
        "Agent 2, Bash 12, Edit 1, Read 4, ToolSearch 1, Write 1, inventory/lookup_sku 1, \
         inventory/reserve 1"
    );
    // The denied call has no result.
    assert_eq!(
        tools(&out, Origin::Log),
        "Agent 2, Bash 11, Edit 1, Read 4, ToolSearch 1, Write 1, inventory/lookup_sku 1, \
         inventory/reserve 1"
    );
    assert_eq!(failed(&out, Origin::Log), 10);
    assert_eq!(denials(&out, Origin::Log, Operation::Policy), 1);
    assert_eq!(denials(&out, Origin::Span, Operation::Policy), 1);
    assert_eq!(denials(&out, Origin::Log, Operation::Hook), 1);
    assert_eq!(count(&out, Origin::Log, Operation::Hook), 22);
    assert_eq!(
        longest_run(whole(&out, Origin::Log, Operation::Tool).collect()),
        6
    );

    // Both prompts, from span and log record alike; the first holds a NUL.
    for origin in [Origin::Span, Origin::Log] {
        let prompts: Vec<&[u8]> = whole(&out, origin, Operation::Turn)
            .filter_map(|act| find(&out, &act.facts.prompt?))
            .collect();
        assert_eq!(prompts.len(), 2);
        assert!(prompts.iter().any(|prompt| prompt.contains(&0)));
    }

    let subagents: BTreeSet<&str> = out
        .acts
        .iter()
        .filter(|act| act.facts.starts_subagent)
        .filter_map(|act| act.facts.agent_name.as_deref())
        .collect();
    assert_eq!(subagents, BTreeSet::from(["Explore", "test-doctor"]));

    // A failed command's output comes to light only in the next request.
    let seen = out
        .acts
        .iter()
        .flat_map(|act| &act.tool_results_seen)
        .filter(|seen| seen.is_error == Some(true))
        .filter_map(|seen| find(&out, &seen.output))
        .filter(|text| String::from_utf8_lossy(text).contains("1 failed, 41 passed"))
        .count();
    assert!(seen >= 6, "{seen}");
}

#[test]
fn claude_code_with_default_flags() {
    let Some(out) = understand("claude-code-default-flags") else {
        return;
    };
    assert_eq!(sessions(&out).len(), 3);
    assert!(out.acts.iter().all(|act| act.origin == Origin::Log));
    assert_eq!(count(&out, Origin::Log, Operation::Model), 31);
    assert_eq!(
        tools(&out, Origin::Log),
        "Agent 2, Bash 17, Edit 1, Read 4, ToolSearch 1, Write 1, mcp_tool 2"
    );
    assert_eq!(count(&out, Origin::Log, Operation::Policy), 29);
    assert_eq!(denials(&out, Origin::Log, Operation::Policy), 1);
    assert_eq!(count(&out, Origin::Log, Operation::Hook), 31);
    assert_eq!(count(&out, Origin::Log, Operation::Turn), 3);
    assert_eq!(failed(&out, Origin::Log), 10);
    // Without arguments a call is known by its tool and size only.
    let calls: Vec<&Act> = whole(&out, Origin::Log, Operation::Tool)
        .filter(|act| {
            act.facts.session_id.as_deref() == Some("4320b6d1-1e5f-436b-9abe-8200c6ec6b36")
        })
        .collect();
    assert!(calls.iter().all(|act| {
        let hash = act.facts.call_hash.as_deref();
        hash.is_some_and(|hash| hash.starts_with("size:"))
    }));
    assert_eq!(longest_run(calls), 6);
}

#[test]
fn claude_code_killed() {
    let Some(out) = understand("claude-code-killed") else {
        return;
    };
    assert_eq!(sessions(&out).len(), 2);
    assert_eq!(count(&out, Origin::Span, Operation::Model), 2);
    assert_eq!(request_ids(&out, Origin::Span).len(), 2);
    assert_eq!(count(&out, Origin::Log, Operation::Turn), 2);
    // The span of the killed process's turn never came.
    assert_eq!(count(&out, Origin::Span, Operation::Turn), 1);
    assert_eq!(count(&out, Origin::Span, Operation::Tool), 0);
    assert_eq!(count(&out, Origin::Log, Operation::Policy), 2);
}

#[test]
fn pydantic_ai() {
    let Some(out) = understand("pydantic-ai-grpc") else {
        return;
    };
    assert_eq!(count(&out, Origin::Span, Operation::Model), 17);
    // The MCP client library reports its two calls again.
    assert_eq!(
        tools(&out, Origin::Span),
        "delegate 1, flaky_deploy 1, lookup_sku 2, read_file 2, reserve 2, run_shell 10"
    );
    assert_eq!(count(&out, Origin::Span, Operation::Mcp), 2);
    assert_eq!(count(&out, Origin::Span, Operation::Agent), 3);
    // One conversation, and the specialist's own.
    assert_eq!(sessions(&out).len(), 2);
    let errors: BTreeSet<&str> = whole(&out, Origin::Span, Operation::Tool)
        .filter(|act| act.facts.success == Some(false))
        .filter_map(|act| act.facts.tool_name.as_deref())
        .collect();
    assert_eq!(errors, BTreeSet::from(["flaky_deploy", "reserve"]));
    let calls = whole(&out, Origin::Span, Operation::Tool).collect();
    assert_eq!(longest_run(calls), 6);

    // 200,031 bytes of output behind `exit=0`, to the last byte as sent.
    let big = whole(&out, Origin::Span, Operation::Tool)
        .filter_map(|act| act.facts.output)
        .max_by_key(|output| output.size_bytes)
        .unwrap();
    let text = find(&out, &big).unwrap();
    assert_eq!(text.strip_prefix(b"exit=0\n").unwrap().len(), 200_031);
    assert_eq!(PayloadRef::of(text), big);
    let requests = requests("pydantic-ai-grpc").unwrap();
    assert!(
        requests
            .iter()
            .any(|(_, _, body)| { body.windows(text.len()).any(|window| window == text) })
    );
    // The next request resends it.
    let seen = out.acts.iter().flat_map(|act| &act.tool_results_seen);
    assert!(seen.filter(|seen| seen.output == big).count() > 0);
}

#[test]
fn genai_instrumentations_of_client_libraries() {
    let Some(out) = understand("sdk-genai-semconv-http") else {
        return;
    };
    // 27 requests by the instrumentations, the 12 to Anthropic also by its own library, and one
    // log record each.
    assert_eq!(count(&out, Origin::Span, Operation::Model), 39);
    assert_eq!(count(&out, Origin::Log, Operation::Model), 27);
    assert_eq!(request_ids(&out, Origin::Span).len(), 26);
    assert_eq!(
        request_ids(&out, Origin::Span),
        request_ids(&out, Origin::Log)
    );
    assert_eq!(tools(&out, Origin::Span), "read_file 2, run_shell 18");
    assert_eq!(
        sessions(&out),
        ["sess-anthropic", "sess-chat", "sess-misc"]
            .map(Arc::from)
            .into()
    );
    // The same call six times in each of two loops, told by what the model asked for.
    let logs: Vec<&Act> = whole(&out, Origin::Log, Operation::Model).collect();
    for provider in ["openai", "anthropic"] {
        let asked = logs
            .iter()
            .copied()
            .filter(|act| act.facts.provider.as_deref() == Some(provider))
            .collect();
        assert_eq!(longest_run(asked), 6, "{provider}");
    }
    let errors = whole(&out, Origin::Span, Operation::Model)
        .filter(|act| act.facts.success == Some(false))
        .count();
    assert_eq!(errors, 1);
}

#[test]
fn openai_agents_by_openinference() {
    let Some(out) = understand("openai-agents-openinference-grpc") else {
        return;
    };
    assert_eq!(count(&out, Origin::Span, Operation::Model), 21);
    assert_eq!(
        tools(&out, Origin::Span),
        // The handoff is named by the answer that asked for it.
        "? 1, flaky_deploy 1, lookup_sku 1, read_file 4, reserve 1, run_shell 13"
    );
    assert_eq!(count(&out, Origin::Span, Operation::Mcp), 2);
    assert_eq!(count(&out, Origin::Span, Operation::Guardrail), 3);
    assert_eq!(
        longest_run(whole(&out, Origin::Span, Operation::Tool).collect()),
        6
    );
    // The library drops the oldest attributes; the request is whole all the same.
    let dropped: Vec<&Act> = out
        .acts
        .iter()
        .filter(|act| act.dropped_attributes_count > 0)
        .collect();
    assert!(!dropped.is_empty());
    for act in dropped {
        assert!(act.facts.truncated_upstream.is_some());
        let input = find(&out, &act.facts.input.unwrap()).unwrap();
        assert!(
            input.starts_with(br#"[{"role":"user","parts":[{"type":"text","content":"Fix the"#)
        );
    }
    assert!(sessions(&out).is_empty());
}

#[test]
fn odd_values_of_real_libraries() {
    let Some(out) = understand("edge-attrs-http") else {
        return;
    };
    assert_eq!(out.acts.len(), 13);
    let odd = out
        .acts
        .iter()
        .find(|act| act.name.as_ref() == "attributes")
        .unwrap();
    for kept in [
        r#""int.max":9223372036854775807"#,
        r#""int.min":-9223372036854775808"#,
        r#""json.unsafe":9007199254740993"#,
        r#""nan":"NaN""#,
        r#""inf":"-Infinity""#,
        r#""negzero":-0.0"#,
        r#""dbl":1e+308"#,
        r#""arr.null":["a",null"#,
        r#""bytes":{"$bytes":"AP/+IGJ5dGVz"}"#,
        r#""nul":"a\u0000b\u0001\u001b[31m""#,
        r#""big128k":{"$payload":{"hash":""#,
        r#""size_bytes":131072}}"#,
    ] {
        assert!(odd.attributes.contains(kept), "{kept}");
    }
    assert_eq!(odd.facts.error_type.as_deref(), Some("ValueError"));
    assert_eq!(out.events.iter().filter(|event| event.is_log).count(), 11);
}

#[test]
fn odd_json_of_real_libraries() {
    let Some(out) = understand("edge-js-httpjson") else {
        return;
    };
    assert_eq!(out.acts.len(), 603);
    assert_eq!(out.events.iter().filter(|event| event.is_log).count(), 9);
    assert!(
        out.acts
            .iter()
            .all(|act| act.facts.resource_session_id.as_deref() == Some("js-sess-1"))
    );
}

#[test]
fn large_and_late_traces() {
    let Some(out) = understand("edge-5000-spans-grpc") else {
        return;
    };
    assert_eq!(out.acts.len(), 5000);
    assert_eq!(count(&out, Origin::Span, Operation::Model), 1666);
    assert_eq!(count(&out, Origin::Span, Operation::Tool), 3234);
    let Some(out) = understand("edge-late-parent-grpc") else {
        return;
    };
    assert_eq!(out.acts.len(), 134);
    let distinct: BTreeSet<_> = out
        .acts
        .iter()
        .map(|act| (act.trace_id, act.span_id))
        .collect();
    assert_eq!(distinct.len(), 132);
}

#[test]
fn families_with_light_rules_lose_nothing() {
    for (capture, acts) in [
        ("codex-grpc", 3444),
        ("gemini-cli-grpc", 62),
        ("langgraph-openllmetry-grpc-gzip", 108),
        ("opencode-effect-httpjson", 7168),
        ("strands-grpc", 58),
        ("vercel-ai-v6-grpc", 37),
    ] {
        let Some(out) = understand(capture) else {
            return;
        };
        let spans = out.acts.iter().filter(|act| act.origin == Origin::Span);
        assert_eq!(spans.count(), acts, "{capture}");
        assert!(
            count(&out, Origin::Span, Operation::Tool) + count(&out, Origin::Log, Operation::Tool)
                > 0
        );
    }
}
