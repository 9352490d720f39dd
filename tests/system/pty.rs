//! The program in a pseudo-terminal, and what is on its screen.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{program, repository};

/// How long the screen has to stand still to count as drawn.
const QUIET: Duration = Duration::from_millis(900);
/// How long to wait for what has to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts Spanreel in a terminal of this size. `None`, said on standard output, where there is no
    /// Python to make one.
    pub(crate) fn start(
        columns: u16,
        lines: u16,
        args: &[&str],
        more: &[(&str, &str)],
    ) -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            println!("skipped: there is no python3 to make a terminal with");
            return None;
        }
        let spanreel = program();
        let mut command = Command::new("python3");
        command
            .arg(repository("tests/sdk/terminal.py"))
            .args([columns.to_string(), lines.to_string()])
            .arg(spanreel.get_program())
            .args(args)
            .env("TERM", "xterm-256color")
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in spanreel.get_envs().filter(|(_, value)| value.is_none()) {
            assert!(value.is_none());
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("python3 starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let keys = child.stdin.take();
        Some(Self {
            child,
            keys,
            output,
            screen: vt100::Parser::new(lines, columns, 0),
        })
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        let stdin = self.keys.as_mut().expect("it runs");
        stdin.write_all(keys.as_bytes()).expect("it reads keys");
        stdin.flush().expect("it reads keys");
    }

    /// Waits until the screen shows this text, loads nothing, and stands still; gives the screen.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let since = Instant::now();
        loop {
            let is_quiet = match self.output.recv_timeout(QUIET) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    false
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it has ended; on screen:\n{}", self.text())
                }
            };
            let screen = self.text();
            if is_quiet && screen.contains(text) && !screen.contains("loading ") {
                return screen;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "no {text:?} on screen:\n{screen}"
            );
        }
    }

    /// What is on screen, without spaces at the ends of lines.
    pub(crate) fn text(&self) -> String {
        let contents = self.screen.screen().contents();
        let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned() + "\n"
    }

    /// Whether the program uses the alternate screen, from which the shell's text comes back.
    pub(crate) fn is_alternate(&self) -> bool {
        self.screen.screen().alternate_screen()
    }

    /// Whether the cursor is hidden.
    pub(crate) fn hides_cursor(&self) -> bool {
        self.screen.screen().hide_cursor()
    }

    /// Waits until the program has ended; gives what the terminal says of that.
    pub(crate) fn end(&mut self) -> String {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut said).expect("text");
        self.keys = None;
        self.child.wait().expect("it ends");
        while let Ok(bytes) = self.output.recv() {
            self.screen.process(&bytes);
        }
        said
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Its terminal goes with it, and with that what runs there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
