//! The page that shows what the commands print.

use std::collections::HashMap;
use std::fs;

use crate::program::{Server, data_folder, repository};
use crate::pty::Terminal;

/// `docs/terminal.md` shows what the program prints: each block that begins with `$ spanreel …` is run on
/// the demo. UPDATE_TERMINAL_DOC=1 writes what it prints now.
#[test]
fn the_documented_session_is_what_the_program_prints() {
    let data = data_folder();
    let server = Server::start(data.path());
    server.play_demo();
    server.wait_until_loaded();
    let file = repository("docs/terminal.md");
    let documented = fs::read_to_string(&file).unwrap();
    let mut names = Names::default();
    let mut now = String::new();
    let mut lines = documented.lines();
    while let Some(line) = lines.next() {
        now.push_str(line);
        now.push('\n');
        let Some(command) = line.strip_prefix("$ spanreel ") else {
            continue;
        };
        let before: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match run_documented(&server, command) {
            Some(printed) => now.push_str(&names.stable(&printed)),
            // Without a terminal there is nothing to compare.
            None => now.extend(before.iter().flat_map(|line| [*line, "\n"])),
        }
        now.push_str("```\n");
    }
    if std::env::var_os("UPDATE_TERMINAL_DOC").is_some() {
        fs::write(&file, &now).unwrap();
    }
    assert_eq!(
        now, documented,
        "UPDATE_TERMINAL_DOC=1 writes docs/terminal.md anew"
    );
}

/// Runs a command of the page; `tui  # KEYS` is a screen after these keys.
fn run_documented(server: &Server, command: &str) -> Option<String> {
    let (command, keys) = command.split_once("  # ").unwrap_or((command, ""));
    // What stands in quotes is one argument.
    let args: Vec<&str> = command
        .split('"')
        .enumerate()
        .flat_map(|(at, part)| match at % 2 {
            1 => vec![part],
            _ => part.split_whitespace().collect(),
        })
        .collect();
    if args[0] != "tui" {
        let output = server.command(&args);
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<String> = printed
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        return Some(lines.concat());
    }
    let args = [&args[..], &["--url", &server.url]].concat();
    let mut view = Terminal::start(110, 30, &args, &[])?;
    view.wait_for("? keys");
    for key in keys.split_whitespace() {
        view.press(match key {
            "Enter" => "\r",
            key => key,
        });
        view.wait_for("? keys");
    }
    let screen = view.text();
    view.press("\x03");
    view.end();
    Some(screen)
}

/// Ids and times of one run of the demo, under names that are the same for each.
#[derive(Default)]
struct Names {
    stable: HashMap<String, String>,
}

impl Names {
    fn stable(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_alphanumeric() || "-:.".contains(character) {
                word.push(character);
                continue;
            }
            out.push_str(&self.name(&std::mem::take(&mut word)));
            out.push(character);
        }
        out.pop();
        out
    }

    fn name(&mut self, word: &str) -> String {
        let digits = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_ascii_digit() { 'd' } else { c })
                .collect()
        };
        let shape = digits(word);
        if shape.starts_with("dddd-dd-dd") {
            let fixed = "2026-01-01T10:00:00.000000000Z";
            return fixed.chars().take(word.len()).collect();
        }
        if shape == "dd:dd:dd" || shape == "dd:dd" {
            return "10:00:00".chars().take(word.len()).collect();
        }
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f' | '-');
        if !word.chars().all(is_hex) || !word.contains(|c: char| c.is_ascii_digit()) {
            return word.to_owned();
        }
        if word.len() == 8 {
            let known = self.stable.iter().find(|(id, _)| id.starts_with(word));
            return known.map_or_else(|| word.to_owned(), |(_, name)| name[..8].to_owned());
        }
        if !matches!(word.len(), 16 | 32 | 36 | 64) {
            return word.to_owned();
        }
        let count = self.stable.len() + 1;
        let fixed = format!("{:x}{count:03}{}", 0xa + count % 6, "0".repeat(60));
        let place = |(at, c): (usize, char)| if word.as_bytes()[at] == b'-' { '-' } else { c };
        let name: String = fixed
            .chars()
            .take(word.len())
            .enumerate()
            .map(place)
            .collect();
        self.stable.entry(word.to_owned()).or_insert(name).clone()
    }
}
