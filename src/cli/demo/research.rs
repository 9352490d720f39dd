//! A long run of a research team: a lead agent and many researchers, three at a time; some 400 spans.

use serde_json::{Value, json};

use super::Session;
use super::genai::{Agent, ToolCall};
use super::otlp::{Attributes, Clock, Emitter, Ids, Millis};

/// What each researcher looks into, and what is said about it.
const TOPICS: [(&str, &str); 12] = [
    (
        "history of harbour lights",
        "fires on towers came before oil, and oil before gas",
    ),
    (
        "Fresnel lenses",
        "rings of prisms keep the weight of a lens low and its reach long",
    ),
    (
        "fog signals",
        "bells gave way to horns, and horns to reflectors on the water",
    ),
    (
        "mercury baths",
        "lenses of tons floated on mercury so that a clock could turn them",
    ),
    (
        "keepers' logbooks",
        "every hour of watch was written down, mostly about the weather",
    ),
    (
        "automation",
        "sun valves switched lamps long before there were computers",
    ),
    (
        "sector lights",
        "colours tell a helmsman on which side of the channel he is",
    ),
    (
        "energy use today",
        "a modern lamp needs less than a kitchen bulb of the last century",
    ),
    (
        "bird strikes",
        "steady light draws birds in on overcast nights, flashes draw fewer",
    ),
    (
        "heritage law",
        "towers are listed in most countries, lenses in only a few",
    ),
    (
        "tourism",
        "most visitors come for the stairs and stay for the view",
    ),
    (
        "satellite navigation",
        "lights remain because receivers fail and eyes do not",
    ),
];
const LANES: usize = 3;
const STEPS: usize = 8;

pub(super) fn session(clock: Clock, ids: &mut Ids) -> Session {
    let resource = Attributes::new()
        .text("service.name", "research-team")
        .text("service.version", "0.9.2")
        .text("service.instance.id", ids.uuid())
        .text("telemetry.sdk.language", "python")
        .text("telemetry.sdk.name", "opentelemetry")
        .text("telemetry.sdk.version", "1.45.2");
    let mut emitter = Emitter::new(clock, 500, resource, ("research-team", "0.9.2"));
    let session_id = play(&mut emitter, ids);
    Session {
        what: "a research team works through twelve topics, some 400 spans",
        session_id,
        emitter,
    }
}

fn play(emitter: &mut Emitter, ids: &mut Ids) -> String {
    let mut lead = Agent::begin(
        ids,
        ("lead-researcher", "gpt-5.1"),
        None,
        1_000,
        (
            "You lead a research team. Split the question, hand the parts out, and put the answers together.",
            "Why do we still keep lighthouses? A page with sources, please.",
        ),
    );
    let session_id = lead.conversation_id.clone();
    let tasks: Vec<ToolCall> = TOPICS
        .iter()
        .map(|(topic, _)| call(ids, "research", json!({"topic": topic})))
        .collect();
    lead.chat(
        emitter,
        ids,
        (1_100, 4_400),
        "Twelve parts; I hand them out.",
        &tasks,
    );

    let mut lanes = [4_500; LANES];
    for (number, (task, topic)) in tasks.iter().zip(TOPICS).enumerate() {
        let started = lanes[number % LANES];
        let task_span = ids.span();
        let (ended, answer) = researcher(emitter, ids, (&lead, &task_span), started, topic);
        lead.tool(emitter, task_span, (started, ended), task, &answer, None);
        lanes[number % LANES] = ended + 50;
    }

    let began = lanes.into_iter().max().unwrap_or_default();
    let summary: String = TOPICS
        .iter()
        .map(|(topic, finding)| format!("- {topic}: {finding}.\n"))
        .collect();
    lead.chat(
        emitter,
        ids,
        (began, began + 3_600),
        &format!("We keep them because they still work when nothing else does.\n\n{summary}"),
        &[],
    );
    lead.end(emitter, began + 3_700);
    session_id
}

/// One researcher's run; gives its end and its answer.
fn researcher(
    emitter: &mut Emitter,
    ids: &mut Ids,
    (lead, task_span): (&Agent, &[u8]),
    started: Millis,
    (topic, finding): (&str, &str),
) -> (Millis, String) {
    let mut agent = Agent::begin(
        ids,
        ("researcher", "gpt-5.1-mini"),
        Some((&lead.trace_id, task_span)),
        started,
        (
            "You research one topic and answer in one sentence with sources.",
            topic,
        ),
    );
    agent.conversation_id.clone_from(&lead.conversation_id);
    // Ids are new in every run; what happens, and how long it takes, is not.
    let mut course = Ids::seeded(topic.bytes().map(u64::from).sum());
    let mut now = started + 40;
    for step in 0..STEPS {
        let thinking = 800 + course.number() % 700;
        let search = call(
            ids,
            "web_search",
            json!({"query": format!("{topic} source {}", step + 1)}),
        );
        let fetch = call(
            ids,
            "fetch_page",
            json!({"url": format!("https://library.example/{}/{}", topic.replace(' ', "-"), step + 1)}),
        );
        let calls = [search, fetch];
        agent.chat(emitter, ids, (now, now + thinking), "", &calls);
        let [search, fetch] = calls;
        now += thinking + 10;

        let (search_span, fetch_span, retrieval_span) = (ids.span(), ids.span(), ids.span());
        let took = 120 + course.number() % 250;
        let hits = json!([{"title": format!("On {topic}, part {}", step + 1), "snippet": finding}])
            .to_string();
        agent.tool(
            emitter,
            search_span,
            (now, now + took),
            &search,
            &hits,
            None,
        );
        let took_fetch = 150 + course.number() % 350;
        let failed = course.number().is_multiple_of(16);
        let page = if failed {
            "HTTP 503: the library is closed for maintenance".to_owned()
        } else {
            page(topic, finding, step)
        };
        agent.tool(
            emitter,
            fetch_span,
            (now, now + took_fetch),
            &fetch,
            &page,
            failed.then_some("HTTP 503"),
        );
        now += took.max(took_fetch) + 10;

        let documents =
            json!([{"id": format!("note-{}", step + 1), "score": 0.93 - 0.05 * step as f64}]);
        agent.retrieve(
            emitter,
            retrieval_span,
            (now, now + 60),
            ("team-notes", topic),
            &documents,
        );
        now += 80;
    }
    let answer = format!("{topic}: {finding} ({STEPS} sources).");
    agent.chat(emitter, ids, (now, now + 700), &answer, &[]);
    agent.end(emitter, now + 720);
    (now + 730, answer)
}

/// Some paragraphs of invented prose.
fn page(topic: &str, finding: &str, step: usize) -> String {
    let mut page = format!("# On {topic}, part {}\n\n", step + 1);
    for paragraph in 1..=6 {
        page.push_str(&format!(
            "Paragraph {paragraph}. Of {topic} it is said that {finding}. The archive's note {paragraph}{step} agrees, and adds that nobody who stood watch doubted it.\n\n"
        ));
    }
    page
}

fn call(ids: &mut Ids, name: &'static str, arguments: Value) -> ToolCall {
    ToolCall {
        id: ids.prefixed("call_"),
        name,
        arguments,
    }
}
