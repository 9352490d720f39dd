//! Searching: what is typed, and where it leads.

use super::app::{App, Typing};
use super::cursor::Cursor;
use super::keys::Place;
use super::message::Request;

impl App {
    /// What is searched for in this place.
    pub(super) fn search(&self) -> &str {
        match self.place {
            Place::Waterfall => self
                .waterfall
                .as_ref()
                .map_or("", |waterfall| &waterfall.search),
            Place::Payload => self.payload.as_ref().map_or("", |payload| &payload.search),
            Place::Sessions | Place::Live => &self.sessions_search,
        }
    }

    pub(super) fn type_key(&mut self, key: &str) -> Vec<Request> {
        let Some(Typing(typed)) = &mut self.typing else {
            return Vec::new();
        };
        match key {
            "Escape" => {
                self.typing = None;
                return Vec::new();
            }
            "Enter" if self.place == Place::Sessions => {
                self.typing = None;
                return Vec::new();
            }
            "Enter" | "ArrowDown" => return self.seek(1, false),
            "ArrowUp" => return self.seek(-1, false),
            "Backspace" => {
                typed.pop();
            }
            "Space" => typed.push(' '),
            key if key.chars().count() == 1 => typed.push_str(key),
            _ => return Vec::new(),
        }
        let typed = typed.clone();
        match self.place {
            Place::Sessions | Place::Live => {
                self.sessions_search = typed;
                self.sessions_cursor = Cursor::default();
                return vec![self.first_page()];
            }
            Place::Waterfall => {
                if let Some(waterfall) = &mut self.waterfall {
                    waterfall.search = typed;
                }
            }
            Place::Payload => {
                if let Some(payload) = &mut self.payload {
                    payload.search = typed;
                }
            }
        }
        self.seek(1, true)
    }

    pub(super) fn seek(&mut self, direction: isize, from_here: bool) -> Vec<Request> {
        let is_found = match (self.place, &mut self.waterfall, &mut self.payload) {
            (Place::Waterfall, Some(waterfall), _) => waterfall.find(direction, from_here),
            (Place::Payload, _, Some(payload)) => payload.find(direction, from_here),
            _ => true,
        };
        if !is_found {
            self.said = "not found".to_owned();
        }
        Vec::new()
    }
}
