//! Hosts, headers, methods, unknown places.

use crate::fixture::Server;

#[tokio::test]
async fn only_known_hosts_are_served() {
    let server = Server::start().await;
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:7771", 200),
        ("reel.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example:7771", 421),
    ] {
        for path in ["/api/v1/stats", "/", "/healthz"] {
            let request = server.http.get(server.url(path)).header("host", host);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{host} {path}");
            if status == 421 {
                let body: serde_json::Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], "unknown_host");
                let message = body["error"]["message"].as_str().unwrap();
                assert!(message.contains("evil.example"), "{message}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_answer_keeps_the_browser_in_bounds() {
    let server = Server::start().await;
    for path in [
        "/",
        "/api/v1/sessions",
        "/api/nothing",
        "/replay/s1",
        "/healthz",
    ] {
        let response = server.get(path).await;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let policy = header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'self';"),
            "{path}: {policy}"
        );
        assert_eq!(
            header("x-content-type-options").as_deref(),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(header("access-control-allow-origin"), None, "{path}");
        assert_eq!(
            header("x-request-id").map(|id| id.len()),
            Some(16),
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn unknown_places_are_told() {
    let server = Server::start().await;
    for path in ["/api", "/api/v1/nothing", "/api/v2/sessions"] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        let id = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "unknown_route", "{path}");
        assert_eq!(body["error"]["request_id"], id, "{path}");
    }
    let response = server
        .http
        .delete(server.url("/api/v1/sessions"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 405);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "method_not_allowed");
    server.stop().await;
}

#[tokio::test]
async fn the_interface_is_served_at_every_other_place() {
    let server = Server::start().await;
    let page = server.get("/").await;
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let etag = page.headers()["etag"].clone();
    let page = page.text().await.unwrap();
    assert_eq!(
        server
            .get("/replay/any%20session")
            .await
            .text()
            .await
            .unwrap(),
        page
    );
    let request = server
        .http
        .get(server.url("/sql"))
        .header("if-none-match", etag);
    assert_eq!(request.send().await.unwrap().status(), 304);
    let posted = server.http.post(server.url("/sql")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
    assert_eq!(server.get("/healthz").await.text().await.unwrap(), "ok\n");
    assert_eq!(server.get("/readyz").await.status(), 200);
    server.stop().await;
}
