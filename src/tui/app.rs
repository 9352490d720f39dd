//! The state of the terminal view: keys and answers come in, requests come out. Pure.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use serde_json::Value;

use super::cursor::Cursor;
use super::keys::{Command, Meaning, Place, chord, meaning};
use super::message::{Message, Request};
use super::payload::Payload;
use super::waterfall::Waterfall;
use crate::cli::answer::{rows, text};

/// Acts that Live keeps.
const LIVE_ACTS: usize = 2_000;

/// A line that is typed into.
#[derive(Debug, Clone, Default)]
pub(super) struct Typing(pub(super) String);

/// Everything on screen.
pub(super) struct App {
    pub(super) place: Place,
    /// Where Back leads from the waterfall.
    came_from: Place,
    pub(super) sessions: Vec<Value>,
    pub(super) sessions_cursor: Cursor,
    pub(super) sessions_search: String,
    next_cursor: Option<String>,
    pub(super) waterfall: Option<Waterfall>,
    /// The session to show once it is here.
    opening: Option<String>,
    /// The span to select then.
    wanted_span: Option<String>,
    pub(super) payload: Option<Payload>,
    pub(super) acts: Vec<Value>,
    pub(super) acts_cursor: Cursor,
    /// Live stands still: nothing new is shown.
    pub(super) is_paused: bool,
    pub(super) typing: Option<Typing>,
    pub(super) shows_help: bool,
    /// Keys pressed so far of a sequence.
    pub(super) prefix: String,
    /// Said at the bottom until the next key.
    pub(super) said: String,
    pub(super) is_connected: bool,
    /// Something was recorded since the last look.
    is_stale: bool,
    /// Requests that are under way.
    pub(super) waiting: Vec<Request>,
    pub(super) has_ended: bool,
}

impl App {
    /// Begins with the list of sessions, or with one session; and what to ask for first.
    pub(super) fn new(session_id: Option<String>) -> (Self, Vec<Request>) {
        let mut app = Self {
            place: Place::Sessions,
            came_from: Place::Sessions,
            sessions: Vec::new(),
            sessions_cursor: Cursor::default(),
            sessions_search: String::new(),
            next_cursor: None,
            waterfall: None,
            opening: session_id.clone(),
            wanted_span: None,
            payload: None,
            acts: Vec::new(),
            acts_cursor: Cursor::default(),
            is_paused: false,
            typing: None,
            shows_help: false,
            prefix: String::new(),
            said: String::new(),
            is_connected: true,
            is_stale: false,
            waiting: Vec::new(),
            has_ended: false,
        };
        let mut requests = vec![Request::Sessions {
            search: String::new(),
            cursor: None,
        }];
        requests.extend(session_id.map(|id| Request::Session { id }));
        app.waiting.clone_from(&requests);
        (app, requests)
    }

    /// Takes what happened; gives what is to be asked for.
    pub(super) fn update(&mut self, message: Message) -> Vec<Request> {
        let wanted = match message {
            Message::Key(key) if key.kind != KeyEventKind::Release => self.press(key),
            Message::Key(_) | Message::Resized => Vec::new(),
            Message::TerminalGone => {
                self.has_ended = true;
                Vec::new()
            }
            Message::Committed(sessions) => {
                let concerns = |waterfall: &Waterfall| waterfall.concerns(&sessions);
                self.is_stale |=
                    self.place != Place::Waterfall || self.waterfall.as_ref().is_some_and(concerns);
                Vec::new()
            }
            Message::Connected(is_connected) => {
                self.is_connected = is_connected;
                Vec::new()
            }
            Message::Tick => self.refresh(),
            answer => {
                self.take(answer);
                Vec::new()
            }
        };
        // What is under way already is not asked for twice.
        let new: Vec<Request> = wanted
            .into_iter()
            .filter(|request| !self.waiting.contains(request))
            .collect();
        self.waiting.extend(new.iter().cloned());
        new
    }

    fn refresh(&mut self) -> Vec<Request> {
        if !self.is_stale || !self.waiting.is_empty() {
            return Vec::new();
        }
        let request = match (self.place, &self.waterfall) {
            (Place::Sessions, _) => self.first_page(),
            (Place::Live, _) if self.is_paused => return Vec::new(),
            (Place::Live, _) => Request::Acts,
            (Place::Waterfall, Some(waterfall)) => Request::Session {
                id: waterfall.session_id(),
            },
            _ => return Vec::new(),
        };
        self.is_stale = false;
        vec![request]
    }

    pub(super) fn first_page(&self) -> Request {
        Request::Sessions {
            search: self.sessions_search.clone(),
            cursor: None,
        }
    }

    /// Takes an answer of the server.
    fn take(&mut self, message: Message) {
        match message {
            Message::Sessions {
                answer,
                search,
                is_more,
            } => {
                let is_this = |request: &Request| matches!(request, Request::Sessions { cursor, .. } if cursor.is_some() == is_more);
                self.waiting.retain(|request| !is_this(request));
                // An answer to what was typed before the last letter.
                if search != self.sessions_search {
                    return;
                }
                let selected = self.selected_session();
                if !is_more {
                    self.sessions.clear();
                }
                self.sessions.extend_from_slice(rows(&answer["sessions"]));
                self.next_cursor = answer["next_cursor"].as_str().map(str::to_owned);
                let same = |row: &Value| row["session_id"].as_str() == selected.as_deref();
                if let Some(at) = self.sessions.iter().position(same) {
                    self.sessions_cursor.at = at;
                }
            }
            Message::Session { id, detail, table } => {
                self.waiting
                    .retain(|request| *request != Request::Session { id: id.clone() });
                let is_opened = self.opening.as_deref() == Some(id.as_str());
                match &mut self.waterfall {
                    Some(waterfall) if waterfall.session_id() == id => {
                        waterfall.renew(&detail, *table)
                    }
                    waterfall if is_opened => *waterfall = Some(Waterfall::new(&detail, *table)),
                    // The user went elsewhere meanwhile.
                    _ => return,
                }
                if !is_opened {
                    return;
                }
                self.opening = None;
                self.place = Place::Waterfall;
                if let (Some(span), Some(waterfall)) =
                    (self.wanted_span.take(), &mut self.waterfall)
                {
                    waterfall.reveal_span(&span);
                }
            }
            Message::Span(detail) => {
                self.waiting
                    .retain(|request| !matches!(request, Request::Span { .. }));
                if !matches!(self.place, Place::Waterfall | Place::Payload) {
                    return;
                }
                let mut payload = Payload::new(&detail);
                if let Some(before) = &self.payload {
                    payload.wraps = before.wraps;
                    payload.is_pretty = before.is_pretty;
                    payload.search.clone_from(&before.search);
                }
                self.payload = Some(payload);
                self.place = Place::Payload;
            }
            Message::Whole { hash, text } => {
                self.waiting
                    .retain(|request| *request != Request::Whole { hash: hash.clone() });
                if let Some(payload) = &mut self.payload {
                    payload.complete(&hash, &text);
                }
            }
            Message::Acts(acts) => {
                self.waiting.retain(|request| *request != Request::Acts);
                let follows = self.acts_cursor.at + 1 >= self.acts.len();
                let selected = self
                    .acts
                    .get(self.acts_cursor.at)
                    .map(|act| act["act_id"].clone());
                self.acts = acts;
                self.acts.truncate(LIVE_ACTS);
                let same = |act: &Value| Some(&act["act_id"]) == selected.as_ref();
                self.acts_cursor.at = match self.acts.iter().position(same) {
                    Some(at) if !follows => at,
                    _ => self.acts.len().saturating_sub(1),
                };
            }
            Message::Failed { request, why } => {
                self.waiting.retain(|waiting| *waiting != request);
                self.said = why;
            }
            _ => {}
        }
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Request> {
        let Some(key) = chord(key) else {
            return Vec::new();
        };
        self.said.clear();
        if key == "Mod+c" {
            self.has_ended = true;
            return Vec::new();
        }
        if self.typing.is_some() {
            return self.type_key(&key);
        }
        if self.shows_help {
            self.shows_help = false;
            return Vec::new();
        }
        let keys = match self.prefix.is_empty() {
            true => key,
            false => format!("{} {key}", std::mem::take(&mut self.prefix)),
        };
        match meaning(self.place, &keys) {
            Meaning::Run(command) => self.run(command),
            Meaning::Wait => {
                self.prefix = keys;
                Vec::new()
            }
            Meaning::Nothing => Vec::new(),
        }
    }

    fn run(&mut self, command: Command) -> Vec<Request> {
        match command {
            Command::Quit => self.has_ended = true,
            Command::Help => self.shows_help = true,
            Command::Back => return self.back(),
            Command::Search => self.typing = Some(Typing(self.search().to_owned())),
            Command::GoSessions => {
                self.opening = None;
                self.place = Place::Sessions;
                return vec![self.first_page()];
            }
            Command::GoLive => {
                self.opening = None;
                self.place = Place::Live;
                return vec![Request::Acts];
            }
            command => return self.run_in_place(command),
        }
        Vec::new()
    }

    fn run_in_place(&mut self, command: Command) -> Vec<Request> {
        match self.place {
            Place::Sessions => return self.run_in_sessions(command),
            Place::Live => return self.run_in_live(command),
            Place::Waterfall => {
                let Some(waterfall) = &mut self.waterfall else {
                    return Vec::new();
                };
                if command == Command::Open {
                    match waterfall.selected_place() {
                        Some((trace_id, span_id)) => {
                            return vec![Request::Span { trace_id, span_id }];
                        }
                        None => self.said = "no span stands for this turn".to_owned(),
                    }
                } else {
                    waterfall.run(command);
                }
            }
            Place::Payload => {
                let Some(payload) = &mut self.payload else {
                    return Vec::new();
                };
                match command {
                    Command::Whole => {
                        let hashes = payload.cut_hashes();
                        return hashes
                            .into_iter()
                            .map(|hash| Request::Whole { hash })
                            .collect();
                    }
                    Command::StepForward => return self.step(Command::Next),
                    Command::StepBack => return self.step(Command::Previous),
                    Command::NextHit | Command::PreviousHit => {
                        if !payload.run(command) {
                            self.said = "not found".to_owned();
                        }
                    }
                    command => {
                        payload.run(command);
                    }
                }
            }
        }
        Vec::new()
    }

    /// Opens the act beside the one that is open.
    fn step(&mut self, direction: Command) -> Vec<Request> {
        let Some(waterfall) = &mut self.waterfall else {
            return Vec::new();
        };
        let mut at = usize::MAX;
        // Turns that no span stands for have nothing to open.
        while at != waterfall.cursor.at {
            at = waterfall.cursor.at;
            waterfall.run(direction);
            if let Some((trace_id, span_id)) = waterfall.selected_place() {
                return vec![Request::Span { trace_id, span_id }];
            }
        }
        Vec::new()
    }

    fn run_in_sessions(&mut self, command: Command) -> Vec<Request> {
        let count = self.sessions.len();
        move_cursor(&mut self.sessions_cursor, command, count);
        if command == Command::Open {
            self.came_from = Place::Sessions;
            self.opening = self.selected_session();
            let wanted = self.opening.clone().map(|id| Request::Session { id });
            return wanted.into_iter().collect();
        }
        // The next page is asked for before its rows are needed.
        let is_near_end = self.sessions_cursor.at + 20 >= count;
        match self.next_cursor.clone().filter(|_| is_near_end) {
            Some(cursor) => vec![Request::Sessions {
                search: self.sessions_search.clone(),
                cursor: Some(cursor),
            }],
            None => Vec::new(),
        }
    }

    fn run_in_live(&mut self, command: Command) -> Vec<Request> {
        move_cursor(&mut self.acts_cursor, command, self.acts.len());
        match command {
            Command::Pause => self.is_paused = !self.is_paused,
            Command::Open => {
                let Some(act) = self.acts.get(self.acts_cursor.at) else {
                    return Vec::new();
                };
                let Some(id) = act["session_id"].as_str() else {
                    self.said = "the act belongs to no session yet".to_owned();
                    return Vec::new();
                };
                self.came_from = Place::Live;
                self.opening = Some(id.to_owned());
                self.wanted_span = Some(text(&act["span_id"]));
                return vec![Request::Session { id: id.to_owned() }];
            }
            _ => {}
        }
        Vec::new()
    }

    fn selected_session(&self) -> Option<String> {
        let row = self.sessions.get(self.sessions_cursor.at)?;
        Some(text(&row["session_id"]))
    }

    fn back(&mut self) -> Vec<Request> {
        self.opening = None;
        match self.place {
            Place::Payload => self.place = Place::Waterfall,
            Place::Waterfall => {
                if let Some(waterfall) = self.waterfall.as_mut().filter(|w| !w.search.is_empty()) {
                    waterfall.search.clear();
                    return Vec::new();
                }
                self.place = self.came_from;
                self.is_stale = true;
            }
            Place::Live => self.place = Place::Sessions,
            Place::Sessions if !self.sessions_search.is_empty() => {
                self.sessions_search.clear();
                return vec![self.first_page()];
            }
            Place::Sessions => {}
        }
        Vec::new()
    }
}

fn move_cursor(cursor: &mut Cursor, command: Command, count: usize) {
    match command {
        Command::Next => cursor.move_by(1, count),
        Command::Previous => cursor.move_by(-1, count),
        Command::PageDown => cursor.page(1, count),
        Command::PageUp => cursor.page(-1, count),
        Command::First => cursor.go_to(0, count),
        Command::Last => cursor.go_to(usize::MAX, count),
        _ => {}
    }
}
