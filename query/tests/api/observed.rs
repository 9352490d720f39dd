//! What the program tells of itself to whoever watches it.

use std::collections::{HashMap, HashSet};

use crate::fixture::{Server, demo};

#[tokio::test]
async fn metrics_are_in_the_text_format_and_tell_nothing_of_what_was_recorded() {
    let mut server = Server::start().await;
    let batch = demo(&mut server.writer);
    server.commit(batch);
    let answer = server.get("/metrics").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let page = answer.text().await.unwrap();
    let mut types: HashMap<&str, &str> = HashMap::new();
    let mut samples = HashSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(types.insert(name, kind), None, "{name} twice");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(samples.insert(sample), "{sample} twice");
        let name = sample.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| {
                name.strip_suffix(end)
                    .filter(|name| types.contains_key(name))
            })
            .unwrap_or(name);
        let kind = types.get(family).copied();
        assert!(kind.is_some(), "{line}");
        assert_eq!(name.ends_with("_total"), kind == Some("counter"), "{line}");
    }
    assert!(samples.contains("spanreel_ingest_stored_total{kind=\"span\"}"));
    for session in server.json("/api/v1/sessions").await["sessions"]
        .as_array()
        .unwrap()
    {
        let id = session["session_id"].as_str().unwrap();
        assert!(!page.contains(&format!("\"{id}\"")), "{id}");
    }
    server.stop().await;
}
