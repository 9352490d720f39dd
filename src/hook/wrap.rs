//! A hook command run on behalf of the harness: it gets the document, its output and exit code are
//! ours.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use proto::hook::Ran;

/// What came of a hook command.
pub(super) struct Finished {
    pub(super) ran: Ran,
    /// To exit with: the command's own exit code; 128 and the signal's number when a signal ended it.
    pub(super) exit_code: u8,
    /// What the harness wrote to us.
    pub(super) document: Vec<u8>,
}

/// Runs `command`, passing everything on in both directions while it arrives. A command that ends
/// without reading its input leaves the harness `limit` to finish writing.
///
/// # Errors
/// When the command cannot be started or waited for.
pub(super) fn wrap(command: &[OsString], limit: Duration) -> io::Result<Finished> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command"))?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let document = pass_input(&mut child);
    let stdout = child.stdout.take().map(|from| pass(from, io::stdout()));
    let stderr = child.stderr.take().map(|from| pass(from, io::stderr()));
    let status = child.wait()?;
    let duration_ms = started.elapsed().as_secs_f64() * 1e3;
    let text = |copier: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = copier.and_then(|copier| copier.join().ok());
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    let exit_code = status.code();
    Ok(Finished {
        ran: Ran {
            command: command_line(command),
            exit_code,
            stdout: text(stdout),
            stderr: text(stderr),
            duration_ms,
        },
        exit_code: exit_code.map_or_else(
            || {
                let signal = std::os::unix::process::ExitStatusExt::signal(&status);
                u8::try_from(128 + signal.unwrap_or(0)).unwrap_or(255)
            },
            |code| u8::try_from(code).unwrap_or(255),
        ),
        document: gather(&document, limit),
    })
}

/// Reads standard input to its end, or until `limit` is over.
pub(super) fn read_input(limit: Duration) -> Vec<u8> {
    let (sender, pieces) = channel();
    thread::spawn(move || copy_input(&sender, |_| {}));
    gather(&pieces, limit)
}

fn gather(pieces: &Receiver<Vec<u8>>, limit: Duration) -> Vec<u8> {
    let deadline = Instant::now() + limit;
    let mut document = Vec::new();
    while let Ok(piece) = pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        document.extend(piece);
    }
    document
}

/// Passes standard input on to the child, and a copy to whoever holds the receiver.
fn pass_input(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, pieces) = channel();
    let mut to = child.stdin.take();
    thread::spawn(move || {
        copy_input(&sender, |piece| {
            // A command need not read its input.
            if let Some(pipe) = &mut to
                && pipe.write_all(piece).is_err()
            {
                to = None;
            }
        });
    });
    pieces
}

fn copy_input(sender: &Sender<Vec<u8>>, mut each: impl FnMut(&[u8])) {
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = input.read(&mut buffer) {
        let piece = &buffer[..count];
        if count == 0 || sender.send(piece.to_vec()).is_err() {
            return;
        }
        each(piece);
    }
}

/// Copies what the child writes, and keeps it.
fn pass(
    mut from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0 {
                break;
            }
            let piece = &buffer[..count];
            kept.extend_from_slice(piece);
            // A harness that does not listen does not stop the hook.
            let _ = to.write_all(piece).and_then(|()| to.flush());
        }
        kept
    })
}

/// Program and arguments as one line for people, quoted where a shell would need it.
fn command_line(command: &[OsString]) -> String {
    let quoted = |word: &OsString| {
        let word = word.to_string_lossy();
        let is_plain = !word.is_empty()
            && word
                .chars()
                .all(|ch| ch.is_alphanumeric() || "-_./:=,@%+".contains(ch));
        if is_plain {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_quoted_as_for_a_shell() {
        let words = ["./guard.py", "--say", "it's $HOME", ""].map(OsString::from);
        assert_eq!(command_line(&words), r"./guard.py --say 'it'\''s $HOME' ''");
    }
}
