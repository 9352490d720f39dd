use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::app::App;
use super::draw::draw;
use super::keys::Place;
use super::message::{Message, Request};
use super::theme::Theme;
use crate::waterfall::testing::{Row, table};

/// The view with what was answered so far, and a screen.
struct View {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl View {
    fn new(columns: u16, lines: u16) -> Self {
        let (app, requests) = App::new(None);
        assert_eq!(requests.len(), 1);
        let terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        Self { app, terminal }
    }

    fn take(&mut self, message: Message) -> Vec<Request> {
        let requests = self.app.update(message);
        self.screen();
        requests
    }

    /// Presses keys one after the other: letters, and names in angle brackets.
    fn press(&mut self, keys: &str) -> Vec<Request> {
        let mut requests = Vec::new();
        for key in keys.split(' ') {
            let code = match key {
                "<enter>" => KeyCode::Enter,
                "<esc>" => KeyCode::Esc,
                "<down>" => KeyCode::Down,
                "<left>" => KeyCode::Left,
                "<right>" => KeyCode::Right,
                "<end>" => KeyCode::End,
                key => KeyCode::Char(key.chars().next().unwrap()),
            };
            let event = KeyEvent::new(code, KeyModifiers::NONE);
            requests.extend(self.take(Message::Key(event)));
        }
        requests
    }

    fn screen(&mut self) -> String {
        let theme = Theme { has_colour: true };
        let app = &mut self.app;
        self.terminal.draw(|frame| draw(app, theme, frame)).unwrap();
        self.terminal.backend().to_string()
    }

    fn selected(&self) -> String {
        let waterfall = self.app.waterfall.as_ref().unwrap();
        let line = waterfall.lines[waterfall.cursor.at];
        waterfall.label(&line).name
    }
}

fn session(id: &str, title: &str, status: &str) -> Value {
    json!({
        "session_id": id, "harness": "claude-code", "title": title, "status": status,
        "started_at": "2026-01-02T03:04:05.000000000Z", "duration_ns": 75_000_000_000_i64,
        "turn_count": 2, "tool_call_count": 12, "error_count": 1, "input_tokens": 12_345,
        "output_tokens": 678, "cost_usd": 0.53, "finding_kinds": ["loop"]
    })
}

fn sessions() -> Message {
    let answer = json!({"sessions": [
        session("s", "Fix the flaky test", "error"),
        session("t", "escape \u{1b}[2J\u{1b}]0;owned\u{7} and \u{202e}reversed", "running"),
        session("u", "日本語のタイトル、とても長いのでどこかで切らなければならない題名", "ok")
    ], "next_cursor": null});
    Message::Sessions {
        answer,
        search: String::new(),
        is_more: false,
    }
}

const ROWS: &[Row<'_>] = &[
    ("turn", "turn", -1, 0, 0),
    ("model", "model-x", 0, 0, 1),
    ("tool", "Bash", 0, 1, 2),
    ("internal", "start \u{1b}[31mred", 2, 1, 0),
    ("tool", "Read", 0, 3, 1),
    ("tool", "Read", 0, 4, 1),
    ("tool", "Read", 0, 5, 1),
    ("tool", "Grep", 0, 6, 2),
];

fn opened() -> View {
    let mut view = View::new(100, 16);
    view.take(sessions());
    assert_eq!(
        view.press("<enter>"),
        [Request::Session { id: "s".to_owned() }]
    );
    view.take(answer(ROWS));
    view
}

fn answer(rows: &[Row<'_>]) -> Message {
    let detail = json!({"session": session("s", "Fix the flaky test", "error"), "turns": []});
    Message::Session {
        id: "s".to_owned(),
        detail,
        table: Box::new(table(rows)),
    }
}

#[test]
fn sessions_are_listed() {
    let mut view = View::new(120, 8);
    view.take(sessions());
    insta::assert_snapshot!("sessions", view.screen());
}

#[test]
fn a_narrow_screen_shows_what_matters() {
    let mut view = View::new(60, 6);
    view.take(sessions());
    insta::assert_snapshot!("sessions_narrow", view.screen());
    view.press("<enter>");
    view.take(answer(ROWS));
    insta::assert_snapshot!("waterfall_narrow", view.screen());
}

#[test]
fn a_session_is_a_waterfall() {
    let mut view = opened();
    insta::assert_snapshot!("waterfall", view.screen());
    view.press("?");
    assert!(view.screen().contains("Collapse everything"));
}

#[test]
fn rows_fold_and_unfold() {
    let mut view = opened();
    let count = |view: &View| view.app.waterfall.as_ref().unwrap().lines.len();
    assert_eq!(count(&view), 6);
    view.press("<down> <down> <down> <down>");
    assert_eq!(view.selected(), "Read");
    view.press("<right>");
    assert_eq!(count(&view), 8);
    view.press("<left>");
    assert_eq!(count(&view), 6);
    view.press("H");
    assert_eq!(count(&view), 1);
    view.press("L s");
    assert_eq!(count(&view), 8);
}

#[test]
fn errors_findings_and_hits_are_gone_to() {
    let mut view = opened();
    view.press("e");
    assert_eq!(view.selected(), "Bash");
    view.press("e");
    assert_eq!(view.selected(), "Grep");
    view.press("E N");
    assert_eq!(view.selected(), "model-x");
    view.press("H");
    view.press("/ g r e p");
    assert_eq!(view.selected(), "Grep");
    view.press("x");
    assert!(view.screen().contains("not found"));
    view.press("<esc> <esc>");
    assert_eq!(view.app.place, Place::Waterfall);
    view.press("<esc>");
    assert_eq!(view.app.place, Place::Sessions);
}

#[test]
fn the_selection_stays_with_its_span_when_more_arrives() {
    let mut view = opened();
    view.press("e");
    view.take(Message::Committed(vec!["other".to_owned()]));
    assert!(view.take(Message::Tick).is_empty());
    view.take(Message::Committed(vec!["s".to_owned()]));
    assert_eq!(
        view.take(Message::Tick),
        [Request::Session { id: "s".to_owned() }]
    );
    let mut more = ROWS.to_vec();
    more.push(("tool", "Edit", 0, 0, 1));
    view.take(answer(&more));
    assert_eq!(view.selected(), "Bash");
    assert!(view.screen().contains("Edit"));
}

fn opened_payload() -> View {
    let mut view = opened();
    view.press("e");
    let requests = view.press("<enter>");
    assert_eq!(
        requests,
        [Request::Span {
            trace_id: "t".to_owned(),
            span_id: format!("{:016x}", 2)
        }]
    );
    view.take(Message::Span(json!({
        "span": {"trace_id": "t", "span_id": format!("{:016x}", 2), "operation": "tool", "name": "Bash",
            "duration_ns": 2_100_000_000_i64, "status": "error", "tool_name": "Bash",
            "error_message": "exit code 1", "input_tokens": null, "output_tokens": null, "cost_usd": null},
        "input": {"hash": "aa", "size_bytes": 40, "complete": true,
            "text": "{\"command\":\"cargo test\",\"n\":1.50}"},
        "output": {"hash": "bb", "size_bytes": 200_031, "complete": false,
            "text": "line one \u{1b}[2J\u{7}\nline two is so long that it has to be wrapped somewhere on this screen of a hundred columns"},
        "attributes": {}, "resource": {}, "findings": []
    })));
    view
}

#[test]
fn a_payload_is_shown_harmless_and_whole() {
    let mut view = opened_payload();
    insta::assert_snapshot!("payload", view.screen());
    view.press("w");
    insta::assert_snapshot!("payload_unwrapped", view.screen());
    assert_eq!(
        view.press("o"),
        [Request::Whole {
            hash: "bb".to_owned()
        }]
    );
    view.take(Message::Whole {
        hash: "bb".to_owned(),
        text: "all of it".to_owned(),
    });
    assert!(view.screen().contains("all of it") && !view.screen().contains("line one"));
    view.press("/ a l l");
    let payload = view.app.payload.as_mut().unwrap();
    let at = payload.cursor.at;
    assert!(payload.lines(100)[at].text.contains("all of it"));
    view.press("<esc>");
    assert_eq!(view.press(".").len(), 1);
}

#[test]
fn live_follows_and_can_stand_still() {
    let mut view = View::new(90, 6);
    view.take(sessions());
    assert_eq!(view.press("g l"), [Request::Acts]);
    let act = |id: i64| {
        json!({"act_id": id, "session_id": "s", "span_id": "b7", "operation": "tool", "name": "Bash",
            "tool_name": "Bash", "detail": format!("act {id}\u{1b}[31m"), "failed": id == 4,
            "started_at": "2026-01-02T03:04:05.000000000Z", "duration_ns": 1_000_000_000_i64})
    };
    view.take(Message::Acts((1..=6).map(act).collect()));
    insta::assert_snapshot!("live", view.screen());
    view.take(Message::Committed(Vec::new()));
    assert_eq!(view.take(Message::Tick), [Request::Acts]);
    view.take(Message::Acts((1..=9).map(act).collect()));
    assert_eq!(view.app.acts_cursor.at, 8);
    let space = KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE);
    view.take(Message::Key(space));
    view.take(Message::Committed(Vec::new()));
    assert!(view.take(Message::Tick).is_empty());
    assert_eq!(
        view.press("<enter>"),
        [Request::Session { id: "s".to_owned() }]
    );
}

#[test]
fn nothing_on_screen_is_obeyed_by_a_terminal() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{7}\u{202e}\r\u{8}";
    let rows = [
        ("turn", hostile, -1, 0, 0),
        ("tool", hostile, 0, 0, 2),
        ("tool", hostile, 0, 1, 2),
    ];
    let mut view = opened();
    view.take(answer(&rows));
    view.press("e / \u{1b}");
    let controls = |screen: &str| screen.chars().any(|c| c.is_control() && c != '\n');
    assert!(!controls(&view.screen()));
}

#[test]
fn a_hundred_thousand_spans_draw_the_visible_rows_only() {
    let rows: Vec<Row<'_>> = (0..100_000)
        .map(|row| match row {
            0 => ("turn", "turn", -1, 0, 0),
            row if row % 2 == 0 => ("tool", "Bash", 0, row, 1),
            row => ("model", "m", 0, row, if row == 99_999 { 2 } else { 1 }),
        })
        .collect();
    let mut view = opened();
    view.take(answer(&rows));
    view.press("s <end>");
    assert_eq!(view.app.waterfall.as_ref().unwrap().lines.len(), 100_000);
    assert!(view.screen().contains("100000 of 100000"));
    view.press("e / b a s h <enter> <enter>");
    assert_eq!(view.selected(), "Bash");
}

#[test]
fn the_view_survives_any_size() {
    let mut view = opened_payload();
    for (columns, lines) in [(1, 1), (2, 3), (20, 5), (300, 100)] {
        view.terminal.backend_mut().resize(columns, lines);
        view.screen();
        view.press("?");
        view.press("? <esc> <esc> <enter>");
        view.take(answer(ROWS));
        view.press("<enter>");
    }
}
