//! Tokens that are limited to projects: what they send belongs there, and of everything else they find
//! nothing, on no route.
//!
//! Two projects with runs of one shape. Everything of the foreign one (ids, names, texts) holds a word or
//! a number that nothing else does, and no answer to the limited token may hold it, but where the answer
//! repeats what the request said.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Server, data_folder, program, wait};

const PATIENCE: Duration = Duration::from_secs(30);

/// A run of a project, told apart from the other by what is planted everywhere.
struct Run {
    project: &'static str,
    /// In all its names and texts.
    word: &'static str,
    session_id: &'static str,
    trace_id: &'static str,
    /// First digits of its span ids.
    span_ids: &'static str,
}

const SHOP: Run = Run {
    project: "shop",
    word: "heron",
    session_id: "heron-session",
    trace_id: "5eed000000000000000000000000aaaa",
    span_ids: "5eed0000000000",
};

const BLOG: Run = Run {
    project: "blog",
    word: "okapi",
    session_id: "okapi-session",
    trace_id: "beefcafe0000000000000000beefcafe",
    span_ids: "beefcafe000000",
};

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

impl Run {
    fn span_id(&self, number: u8) -> String {
        format!("{}{number:02x}", self.span_ids)
    }

    /// Spans of an agent that calls a tool in vain, again and again. `says` is the project that the
    /// records themselves name.
    fn spans(&self, says: &str) -> Value {
        let word = self.word;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a time")
            .as_nanos();
        let span = |number: u8, name: String, mut attributes: Vec<Value>, failed: bool| {
            attributes.push(text("gen_ai.conversation.id", self.session_id));
            // Large enough to be kept as a payload of its own.
            attributes.push(text("notes", &format!("{word} ").repeat(800)));
            let start = now + u128::from(number) * 1_000_000;
            let mut span = json!({
                "traceId": self.trace_id,
                "spanId": self.span_id(number),
                "name": name,
                "kind": 1,
                "startTimeUnixNano": start.to_string(),
                "endTimeUnixNano": (start + 500_000).to_string(),
                "attributes": attributes,
                "events": [{
                    "name": format!("{word}-event"),
                    "timeUnixNano": start.to_string(),
                    "attributes": [text("detail", word)],
                }],
            });
            if number > 1 {
                span["parentSpanId"] = json!(self.span_id(1));
            }
            if failed {
                span["status"] = json!({"code": 2, "message": format!("{word} failed")});
            }
            span
        };
        let mut spans = vec![
            span(
                1,
                format!("invoke_agent {word}"),
                vec![
                    text("gen_ai.operation.name", "invoke_agent"),
                    text("gen_ai.agent.name", &format!("{word}-agent")),
                ],
                false,
            ),
            span(
                2,
                format!("chat {word}-model"),
                vec![
                    text("gen_ai.operation.name", "chat"),
                    text("gen_ai.provider.name", word),
                    text("gen_ai.request.model", &format!("{word}-model")),
                    text(
                        "gen_ai.input.messages",
                        &json!([{"role": "user", "parts": [
                            {"type": "text", "content": format!("please look after the {word}")}]}])
                        .to_string(),
                    ),
                    text(
                        "gen_ai.output.messages",
                        &json!([{"role": "assistant", "parts": [
                            {"type": "text", "content": format!("the {word} is well")}]}])
                        .to_string(),
                    ),
                ],
                false,
            ),
        ];
        spans.extend((3..11).map(|number| {
            span(
                number,
                format!("execute_tool {word}-tool"),
                vec![
                    text("gen_ai.operation.name", "execute_tool"),
                    text("gen_ai.tool.name", &format!("{word}-tool")),
                    text("gen_ai.tool.call.id", &format!("{word}-call-{number}")),
                    text(
                        "gen_ai.tool.call.arguments",
                        &json!({"command": format!("feed {word}")}).to_string(),
                    ),
                    text(
                        "gen_ai.tool.call.result",
                        &format!("no food for the {word}"),
                    ),
                    text("error.type", &format!("{word}-error")),
                ],
                true,
            )
        }));
        json!({
            "resource": self.resource(says),
            "scopeSpans": [{"scope": {"name": format!("{word}-scope")}, "spans": spans}],
        })
    }

    fn resource(&self, says: &str) -> Value {
        json!({"attributes": [
            text("service.name", &format!("{}-service", self.word)),
            text("host.name", &format!("{}-host", self.word)),
            text("user.id", &format!("{}-user", self.word)),
            text("vcs.repository.name", says),
            text("spanreel.project", says),
        ]})
    }

    fn logs(&self, says: &str) -> Value {
        json!({"resourceLogs": [{
            "resource": self.resource(says),
            "scopeLogs": [{"scope": {"name": "log"}, "logRecords": [{
                "timeUnixNano": "1800000000000000000",
                "eventName": format!("{}-log", self.word),
                "body": {"stringValue": format!("a line about the {}", self.word)},
                "attributes": [text("session.id", self.session_id),
                    text("gen_ai.conversation.id", self.session_id)],
            }]}],
        }]})
    }

    fn metrics(&self, says: &str) -> Value {
        json!({"resourceMetrics": [{
            "resource": self.resource(says),
            "scopeMetrics": [{"metrics": [{
                "name": format!("{}.count", self.word),
                "gauge": {"dataPoints": [{
                    "timeUnixNano": "1800000000000000000", "asInt": "7",
                    "attributes": [text("session.id", self.session_id)],
                }]},
            }]}],
        }]})
    }

    /// What nothing but this run holds.
    fn marks(&self) -> [&str; 3] {
        [self.word, self.trace_id, self.span_ids]
    }
}

/// A server that asks for tokens, with both runs in it.
struct Place {
    server: Server,
    admin: String,
    /// Reads what is of the shop.
    limited: String,
    send_blog: String,
    send_shop: String,
    _data: TempDir,
}

fn token(data: &Path, args: &[&str]) -> String {
    let output = program()
        .args(["token", "add"])
        .args(args)
        .arg("--data")
        .arg(data)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.trim().to_owned()
}

fn place() -> Place {
    place_of(false)
}

fn place_of(is_encrypted: bool) -> Place {
    let data = data_folder();
    let of = |args: &[&str]| token(data.path(), args);
    let admin = of(&["me", "--right", "admin"]);
    let limited = of(&["shop", "--right", "read", "--project", "shop"]);
    let send_shop = of(&["to-shop", "--right", "ingest", "--project", "shop"]);
    let send_blog = of(&["to-blog", "--right", "ingest", "--project", "blog"]);
    let mut more = vec![OsStr::new("--require-token")];
    let key = data.path().with_extension("key");
    if is_encrypted {
        let output = program().args(["key", "new"]).arg(&key).output();
        assert!(output.expect("the program runs").status.success());
        more.extend([OsStr::new("--encryption-key-file"), key.as_os_str()]);
    }
    let server = Server::start_with(data.path(), &more);
    // It has been read.
    let _ = std::fs::remove_file(&key);
    Place {
        server,
        admin,
        limited,
        send_blog,
        send_shop,
        _data: data,
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Place {
    fn request(&self, token: &str, method: Method, url: &str, body: Option<&Value>) -> Answer {
        wait(async {
            let mut request = reqwest::Client::new()
                .request(method, url)
                .bearer_auth(token)
                .header("accept", "application/json, text/event-stream")
                .timeout(PATIENCE);
            if let Some(body) = body {
                request = request.json(body);
            }
            let mut response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            let is_stream = response
                .headers()
                .get("content-type")
                .is_some_and(|value| value == "text/event-stream");
            let bytes = match is_stream {
                // The live stream has no end; it has a test of its own.
                true => response.chunk().await.expect("a piece").unwrap_or_default(),
                false => response.bytes().await.expect("a body"),
            };
            Answer {
                status,
                body: String::from_utf8_lossy(&bytes).into_owned(),
            }
        })
    }

    fn get(&self, token: &str, path: &str) -> Answer {
        self.request(
            token,
            Method::GET,
            &format!("{}{path}", self.server.url),
            None,
        )
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.request(
            token,
            Method::POST,
            &format!("{}{path}", self.server.url),
            Some(body),
        )
    }

    fn send(&self, token: &str, signal: &str, body: &Value) {
        let url = format!("{}/v1/{signal}", self.server.http);
        let answer = self.request(token, Method::POST, &url, Some(body));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Waits until an administrator's query has this one value.
    fn until(&self, sql: &str, wanted: &Value) {
        let since = Instant::now();
        loop {
            let answer = self.post(&self.admin, "/api/v1/sql", &json!({"sql": sql}));
            let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
            if answer["rows"][0][0] == *wanted {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{sql}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends both runs, each naming the other's project where its sender is limited, and says something of
    /// the foreign one.
    fn record(&self) {
        for (run, sender, says) in [
            (&SHOP, &self.send_shop, "blog"),
            (&BLOG, &self.send_blog, "shop"),
        ] {
            self.send(
                sender,
                "traces",
                &json!({"resourceSpans": [run.spans(says)]}),
            );
            self.send(sender, "logs", &run.logs(says));
            self.send(sender, "metrics", &run.metrics(says));
        }
        self.until("select count(*) from sessions", &json!(2));
        self.until(
            "select count(distinct session_id) from findings where kind = 'loop'",
            &json!(2),
        );
        for run in [&SHOP, &BLOG] {
            let session = format!("/api/v1/sessions/{}", run.session_id);
            for (path, body) in [
                (
                    "/api/v1/annotations".to_owned(),
                    json!({"session_id": run.session_id, "comment": format!("{} seen", run.word)}),
                ),
                (
                    format!("{session}/tags"),
                    json!({"add": [format!("{}-tag", run.word)]}),
                ),
                (
                    format!("{session}/checkpoints"),
                    json!({"name": format!("{}-point", run.word),
                        "trace_id": run.trace_id, "span_id": run.span_id(2)}),
                ),
            ] {
                let answer = self.post(&self.admin, &path, &body);
                assert!(answer.status < 300, "{path}: {}", answer.body);
            }
        }
        let query = json!({"name": "okapi-query", "sql": "select 'okapi'"});
        let answer = self.post(&self.admin, "/api/v1/queries", &query);
        assert!(answer.status < 300, "{}", answer.body);
    }

    /// The hash of a text of a run.
    fn payload(&self, run: &Run) -> String {
        let path = format!("/api/v1/spans/{}/{}", run.trace_id, run.span_id(3));
        let answer = self.get(&self.admin, &path);
        let span: Value = serde_json::from_str(&answer.body).expect("JSON");
        let hash = span["output"]["hash"].as_str();
        hash.unwrap_or_else(|| panic!("no output: {span}"))
            .to_owned()
    }
}

/// Every method and path of the API, with its parameters.
fn routes() -> Vec<(Method, String, Vec<Value>)> {
    let description: Value =
        serde_json::from_str(&query::openapi()).expect("the description is JSON");
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let parameters = operation["parameters"].as_array().cloned();
            routes.push((method, path.clone(), parameters.unwrap_or_default()));
        }
    }
    assert!(routes.len() > 60, "{}", routes.len());
    routes
}

/// Values for the parameters that name something of a run.
struct Values<'a> {
    session_id: &'a str,
    trace_id: &'a str,
    span_id: &'a str,
    hash: &'a str,
    word: &'a str,
    project: &'a str,
}

impl Values<'_> {
    fn of(&self, name: &str) -> Option<String> {
        Some(match name {
            "session_id" | "session" | "parent" | "a" => self.session_id.to_owned(),
            "b" => SHOP.session_id.to_owned(),
            "trace_id" | "traceID" => self.trace_id.to_owned(),
            "span_id" => self.span_id.to_owned(),
            "hash" => self.hash.to_owned(),
            "q" => self.word.to_owned(),
            "service" => format!("{}-service", self.word),
            "host" => format!("{}-host", self.word),
            "tool" => format!("{}-tool", self.word),
            "agent" => format!("{}-agent", self.word),
            "model" => format!("{}-model", self.word),
            "tag" => format!("{}-tag", self.word),
            "operation" => format!("{}-tool", self.word),
            "name" => format!("{}-query", self.word),
            "annotation_id" => self.word.to_owned(),
            "project" => self.project.to_owned(),
            _ => return None,
        })
    }

    /// What a request with these values says of them.
    fn said(&self) -> Vec<String> {
        let names = [
            "session_id",
            "trace_id",
            "span_id",
            "hash",
            "service",
            "tool",
            "host",
            "agent",
            "model",
            "tag",
            "name",
            "q",
        ];
        names.iter().filter_map(|name| self.of(name)).collect()
    }

    /// The addresses of a route: as it is, and with each parameter in turn that names something.
    fn addresses(&self, path: &str, parameters: &[Value]) -> Vec<String> {
        let mut path = path.to_owned();
        let mut required = String::new();
        let mut optional = vec![String::new()];
        for parameter in parameters {
            let name = parameter["name"].as_str().expect("a name");
            match (parameter["in"].as_str(), self.of(name)) {
                (Some("path"), Some(value)) => path = path.replace(&format!("{{{name}}}"), &value),
                (Some("query"), Some(value)) if parameter["required"] == true => {
                    required.push_str(&format!("&{name}={value}"));
                }
                (Some("query"), Some(value)) => optional.push(format!("&{name}={value}")),
                _ => {}
            }
        }
        if path.ends_with("/export") {
            optional
                .extend(["csv", "json", "otlp", "md", "html"].map(|of| format!("&format={of}")));
        }
        assert!(!path.contains('{'), "{path}: a parameter has no value here");
        optional
            .into_iter()
            .map(|more| format!("{path}?{required}{more}"))
            .collect()
    }
}

/// What is left of an answer without what the request said, and what is different each time.
fn without(answer: &str, said: &[&str]) -> String {
    let mut left = answer.to_owned();
    for word in said {
        left = left.replace(word, "…");
    }
    match serde_json::from_str::<Value>(&left) {
        Ok(mut body) => {
            if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
                error.remove("request_id");
            }
            if let Some(body) = body.as_object_mut() {
                body.remove("elapsed_ms");
            }
            body.to_string()
        }
        Err(_) => left,
    }
}

/// Routes whose answers depend on the time of the question, whatever it is about.
const OF_NOW: &[&str] = &[
    "/activity",
    "/catalog",
    "/digest",
    "/live",
    "/timeline",
    "/dependencies",
];

fn assert_silent(what: &str, answer: &str, said: &[&str]) {
    let left = without(answer, said);
    for mark in BLOG.marks() {
        assert!(
            !left.contains(mark),
            "{what} tells of the other project: {left}"
        );
    }
}

#[test]
fn no_route_tells_of_another_project() {
    let place = place();
    place.record();
    let hash = place.payload(&BLOG);
    let span_id = BLOG.span_id(3);
    let foreign = Values {
        session_id: BLOG.session_id,
        trace_id: BLOG.trace_id,
        span_id: &span_id,
        hash: &hash,
        word: BLOG.word,
        project: BLOG.project,
    };
    // Of the same shape, and nowhere.
    let unknown = Values {
        session_id: "nobody-session",
        trace_id: "00c0ffee0000000000000000000000ee",
        span_id: "00c0ffee000000ee",
        hash: &"7".repeat(64),
        word: "nobody",
        project: "none",
    };
    let own_hash = place.payload(&SHOP);
    let own_span = SHOP.span_id(3);
    let own = Values {
        session_id: SHOP.session_id,
        trace_id: SHOP.trace_id,
        span_id: &own_span,
        hash: &own_hash,
        word: SHOP.word,
        project: SHOP.project,
    };
    let (mut asked, mut telling, mut refused, mut answered) = (0, 0, 0, 0);
    for (method, path, parameters) in routes() {
        let body = (method != Method::GET).then(|| {
            json!({"session_id": BLOG.session_id, "session_ids": [BLOG.session_id],
                "tool_name": "okapi-tool", "tool_input": {"command": "feed okapi"},
                "sql": "select * from spans"})
        });
        let pairs = foreign
            .addresses(&path, &parameters)
            .into_iter()
            .zip(unknown.addresses(&path, &parameters));
        for (address, nowhere) in pairs {
            let what = format!("{method} {address}");
            let url = format!("{}{address}", place.server.url);
            let answer = place.request(&place.limited, method.clone(), &url, body.as_ref());
            asked += 1;
            refused += i32::from(answer.status == 403);
            let said = foreign.said();
            let said: Vec<&str> = said.iter().map(String::as_str).collect();
            // What is foreign and what is nowhere are answered alike.
            let url = format!("{}{nowhere}", place.server.url);
            let other = place.request(&place.limited, method.clone(), &url, body.as_ref());
            assert_silent(&format!("{method} {nowhere}"), &other.body, &[]);
            assert_eq!(answer.status, other.status, "{what}: {}", answer.body);
            let said_too = unknown.said();
            let said_too: Vec<&str> = said_too.iter().map(String::as_str).collect();
            let left = without(&answer.body, &said);
            let is_of_now = OF_NOW.iter().any(|route| path.ends_with(route));
            if answer.status < 400 && is_of_now {
                assert_silent(&what, &answer.body, &[]);
            } else {
                assert_eq!(left, without(&other.body, &said_too), "{what}");
                assert_silent(&what, &answer.body, &said);
            }

            // The same by somebody who may see it: the test would see what leaks.
            if method == Method::GET {
                let answer = place.get(&place.admin, &address);
                telling += i32::from(BLOG.marks().iter().any(|mark| answer.body.contains(mark)));
            }
        }
        if method == Method::GET {
            for address in own.addresses(&path, &parameters) {
                let answer = place.get(&place.limited, &address);
                assert_silent(&address, &answer.body, &[]);
                answered += i32::from(SHOP.marks().iter().any(|mark| answer.body.contains(mark)));
            }
        }
    }
    println!(
        "{asked} addresses: {refused} refused; an administrator sees the other project in {telling} of \
         them, the limited token its own in {answered}"
    );
    assert!(telling > 40 && answered > 40, "{telling} {answered}");

    // Beside the API: figures of the whole, statements of users, and the page, which holds no data.
    for path in [
        "/metrics",
        "/api/v1/stats",
        "/api/v1/sql/schema",
        "/api/v1/queries",
    ] {
        let answer = place.get(&place.limited, path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("limited_token"), "{}", answer.body);
        assert_eq!(place.get(&place.admin, path).status, 200, "{path}");
    }
    let sql = json!({"sql": "select count(*) from spans"});
    let answer = place.post(&place.limited, "/api/v1/sql", &sql);
    assert_eq!(answer.status, 403, "{}", answer.body);
    let answer = place.post(&place.limited, "/api/v1/queries/slowest-tools", &json!({}));
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(place.get(&place.limited, "/").status, 200);
    let flight = |token: &str| {
        wait(async {
            let response = reqwest::Client::new()
                .post(format!(
                    "{}/arrow.flight.protocol.FlightService/GetFlightInfo",
                    place.server.url
                ))
                .bearer_auth(token)
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(vec![0; 5])
                .send()
                .await
                .expect("an answer");
            response.headers().get("grpc-status").cloned()
        })
    };
    let code = flight(&place.limited).expect("a status");
    assert_eq!(code, "7", "Flight SQL");
    assert_ne!(flight(&place.admin).expect("a status"), "7");
}

/// Also where the tables are read through views that open what is sealed.
#[test]
fn mcp_tells_of_no_other_project() {
    let place = place_of(true);
    place.record();
    let call = |token: &str, method: &str, params: Value| {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = place.post(token, "/mcp", &message);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let hash = place.payload(&BLOG);
    let tools: Value =
        serde_json::from_str(&call(&place.limited, "tools/list", json!({}))).expect("JSON");
    let tools = tools["result"]["tools"].as_array().expect("tools").clone();
    assert!(tools.len() > 8, "{tools:?}");
    let mut telling = 0;
    for tool in &tools {
        let name = tool["name"].as_str().expect("a name");
        let properties = tool["inputSchema"]["properties"].as_object();
        for all in [false, true] {
            let required = tool["inputSchema"]["required"].as_array();
            let is_wanted = |key: &String| {
                all || required.is_some_and(|required| required.contains(&json!(key)))
            };
            let mut arguments = json!({});
            for key in properties.into_iter().flat_map(|all| all.keys()) {
                let value = match key.as_str() {
                    "session_id" | "session" | "a" => BLOG.session_id.to_owned(),
                    "b" => SHOP.session_id.to_owned(),
                    "trace_id" => BLOG.trace_id.to_owned(),
                    "span_id" => BLOG.span_id(3),
                    "hash" | "payload" => hash.clone(),
                    "q" | "query" | "question" => BLOG.word.to_owned(),
                    "sql" => "select * from spans".to_owned(),
                    _ => continue,
                };
                if is_wanted(key) {
                    arguments[key] = json!(value);
                }
            }
            let params = json!({"name": name, "arguments": arguments});
            let answer = call(&place.limited, "tools/call", params.clone());
            let said = [
                BLOG.session_id,
                BLOG.trace_id,
                &BLOG.span_id(3),
                &hash,
                "`okapi`",
                "\\\"okapi\\\"",
            ];
            assert_silent(&format!("{name} {arguments}"), &answer, &said);
            let seen = call(&place.admin, "tools/call", params);
            let left = without(&seen, &said);
            telling += i32::from(BLOG.marks().iter().any(|mark| left.contains(mark)));
        }
    }
    assert!(telling > 8, "{telling}");
    for (method, params) in [
        (
            "resources/read",
            json!({"uri": "spanreel://sessions/recent/digest"}),
        ),
        (
            "resources/read",
            json!({"uri": format!("spanreel://sessions/{}/digest", BLOG.session_id)}),
        ),
        (
            "prompts/get",
            json!({"name": "why_did_my_last_run_fail", "arguments": {}}),
        ),
        (
            "prompts/get",
            json!({"name": "where_do_my_runs_waste", "arguments": {}}),
        ),
    ] {
        let answer = call(&place.limited, method, params.clone());
        assert_silent(&format!("{method} {params}"), &answer, &[BLOG.session_id]);
    }
}

#[test]
fn the_live_stream_tells_of_the_tokens_projects_only() {
    let place = place();
    let heard = |token: &str| {
        wait(async {
            let mut response = reqwest::Client::new()
                .get(format!("{}/api/v1/live", place.server.url))
                .bearer_auth(token)
                .send()
                .await
                .expect("an answer");
            let mut heard = response
                .chunk()
                .await
                .expect("hello")
                .expect("hello")
                .to_vec();
            // The foreign run first: what is told of it comes before what is told of the own one.
            place_record_in_order(&place).await;
            let until = tokio::time::Instant::now() + PATIENCE;
            while !(has(&heard, "event: session", SHOP.session_id)
                && has(&heard, "event: finding", SHOP.session_id))
            {
                let piece = tokio::time::timeout_at(until, response.chunk()).await;
                let piece = piece.unwrap_or_else(|_| {
                    panic!("nothing more: {}", String::from_utf8_lossy(&heard))
                });
                heard.extend_from_slice(&piece.expect("a piece").expect("it goes on"));
            }
            String::from_utf8_lossy(&heard).into_owned()
        })
    };
    let limited = heard(&place.limited);
    assert_silent("the live stream", &limited, &[]);
    assert!(limited.contains("event: commit"), "{limited}");
}

/// Whether an event of this kind names the session.
fn has(heard: &[u8], event: &str, session_id: &str) -> bool {
    String::from_utf8_lossy(heard)
        .split("\n\n")
        .any(|message| message.contains(event) && message.contains(session_id))
}

async fn place_record_in_order(place: &Place) {
    for (run, sender) in [(&BLOG, &place.send_blog), (&SHOP, &place.send_shop)] {
        let response = reqwest::Client::new()
            .post(format!("{}/v1/traces", place.server.http))
            .bearer_auth(sender)
            .json(&json!({"resourceSpans": [run.spans("any")]}))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
    }
}

#[test]
fn what_a_limited_token_sends_belongs_to_its_project() {
    let place = place();
    // Whatever the records say, in whichever way they come.
    place.send(
        &place.send_blog,
        "traces",
        &json!({"resourceSpans": [BLOG.spans("shop")]}),
    );
    let url = format!("{}/hooks/claude-code", place.server.http);
    let fire = json!({"hook_event_name": "UserPromptSubmit", "session_id": "okapi-hooks",
        "cwd": "/home/me/shop", "prompt": "feed the okapi"});
    let answer = place.request(&place.send_blog, Method::POST, &url, Some(&fire));
    assert_eq!(answer.status, 200, "{}", answer.body);
    place.until(
        "select string_agg(project, ',') from sessions where session_id like 'okapi-%'",
        &json!("blog,blog"),
    );
    // A session that records of two projects are added to is of both: the limited token has one.
    place.send(
        &place.send_shop,
        "traces",
        &json!({"resourceSpans": [SHOP.spans("shop")]}),
    );
    place.until("select count(*) from sessions", &json!(3));
    let list = place.get(&place.limited, "/api/v1/sessions");
    assert!(list.body.contains(SHOP.session_id), "{}", list.body);
    let intruder = Run {
        session_id: BLOG.session_id,
        trace_id: "1dea0000000000000000000000001dea",
        span_ids: "1dea0000000000",
        ..SHOP
    };
    place.send(
        &place.send_shop,
        "traces",
        &json!({"resourceSpans": [intruder.spans("shop")]}),
    );
    place.until(
        &format!(
            "select span_count >= 20 from sessions where session_id = '{}'",
            BLOG.session_id
        ),
        &json!(true),
    );
    let list = place.get(&place.limited, "/api/v1/sessions");
    assert_silent("the list", &list.body, &[]);
    let tree = place.get(
        &place.limited,
        &format!("/api/v1/sessions/{}/tree", BLOG.session_id),
    );
    assert_eq!(tree.status, 404);
}
