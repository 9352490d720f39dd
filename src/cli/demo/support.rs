//! A support desk in the way of pydantic-ai: an agent looks into a complaint, hands over to a
//! specialist with a conversation of its own, and succeeds.

use serde_json::{Value, json};

use super::Session;
use super::genai::{Agent, ToolCall};
use super::otlp::{Attributes, Clock, Emitter, Ids};

pub(super) fn session(clock: Clock, ids: &mut Ids) -> Session {
    let resource = Attributes::new()
        .text("service.name", "support-desk")
        .text("service.version", "3.4.0")
        .text("service.instance.id", ids.uuid())
        .text("deployment.environment.name", "demo")
        .text("telemetry.sdk.language", "python")
        .text("telemetry.sdk.name", "opentelemetry")
        .text("telemetry.sdk.version", "1.45.2");
    let mut emitter = Emitter::new(clock, 500, resource, ("pydantic-ai", "2.68.0"));
    let session_id = play(&mut emitter, ids);
    Session {
        what: "a support agent hands over to a specialist and succeeds",
        session_id,
        emitter,
    }
}

fn play(emitter: &mut Emitter, ids: &mut Ids) -> String {
    let mut triage = Agent::begin(
        ids,
        ("triage-agent", "gpt-5.1-mini"),
        None,
        6_000,
        (
            "You are the first line of a shop's support desk. Look things up before you answer; hand refunds over.",
            "My lantern (order 7-31185) arrived with a cracked glass. I'd like my money back, please. – Åsa",
        ),
    );
    let session_id = triage.conversation_id.clone();

    let lookup = call(ids, "lookup_order", json!({"order_id": "7-31185"}));
    triage.chat(
        emitter,
        ids,
        (6_100, 7_900),
        "I'll look the order up.",
        std::slice::from_ref(&lookup),
    );
    let span_id = ids.span();
    let order = r#"{"order_id":"7-31185","customer":"Åsa Lindqvist","items":[{"sku":"LAMP-07","price":"39.90"}],"delivered":"2026-11-18","refundable_until":"2026-12-02"}"#;
    triage.tool(emitter, span_id, (7_950, 8_300), &lookup, order, None);

    let policy = call(
        ids,
        "search_policy",
        json!({"question": "refund for goods damaged in transit"}),
    );
    triage.chat(
        emitter,
        ids,
        (8_400, 10_000),
        "",
        std::slice::from_ref(&policy),
    );
    let span_id = ids.span();
    triage.tool(
        emitter,
        span_id,
        (10_050, 10_700),
        &policy,
        "Damaged in transit: full refund within 14 days of delivery, no return of glass parts needed. Above 50.00 a person decides.",
        None,
    );

    let handover = call(
        ids,
        "transfer_to_refund_specialist",
        json!({"order_id": "7-31185", "reason": "glass cracked on arrival"}),
    );
    triage.chat(
        emitter,
        ids,
        (10_800, 12_300),
        "This is a refund; I hand it over.",
        std::slice::from_ref(&handover),
    );
    let handover_span = ids.span();
    let answer = specialist(emitter, ids, (&triage.trace_id, &handover_span));
    triage.tool(
        emitter,
        handover_span,
        (12_400, 20_800),
        &handover,
        &answer,
        None,
    );

    triage.chat(
        emitter,
        ids,
        (20_900, 23_200),
        "Dear Åsa, I'm sorry about the cracked glass. 39.90 is on its way back to your card (refund R-20418); you need not send anything back. 🏮",
        &[],
    );
    triage.end(emitter, 23_300);
    session_id
}

fn specialist(emitter: &mut Emitter, ids: &mut Ids, parent: (&[u8], &[u8])) -> String {
    let mut agent = Agent::begin(
        ids,
        ("refund-specialist", "gpt-5.1"),
        Some(parent),
        12_500,
        (
            "You decide on refunds up to 50.00 and carry them out.",
            "Order 7-31185, LAMP-07 at 39.90, delivered 2026-11-18, glass cracked on arrival. Decide and carry out.",
        ),
    );
    let check = call(
        ids,
        "fraud_score",
        json!({"customer": "Åsa Lindqvist", "order_id": "7-31185"}),
    );
    agent.chat(
        emitter,
        ids,
        (12_600, 14_500),
        "",
        std::slice::from_ref(&check),
    );
    let span_id = ids.span();
    agent.tool(
        emitter,
        span_id,
        (14_550, 15_400),
        &check,
        r#"{"score":0.04,"previous_refunds":0}"#,
        None,
    );

    let refund = call(
        ids,
        "issue_refund",
        json!({"order_id": "7-31185", "amount": "39.90", "reason": "damaged in transit"}),
    );
    agent.chat(
        emitter,
        ids,
        (15_500, 17_600),
        "Low risk and within the limit: full refund.",
        std::slice::from_ref(&refund),
    );
    let span_id = ids.span();
    agent.tool(
        emitter,
        span_id,
        (17_650, 18_900),
        &refund,
        r#"{"refund_id":"R-20418","status":"booked"}"#,
        None,
    );

    let answer = "Refund R-20418 over 39.90 is booked; no return needed.";
    agent.chat(emitter, ids, (19_000, 20_600), answer, &[]);
    agent.end(emitter, 20_700);
    answer.to_owned()
}

fn call(ids: &mut Ids, name: &'static str, arguments: Value) -> ToolCall {
    ToolCall {
        id: ids.prefixed("call_"),
        name,
        arguments,
    }
}
