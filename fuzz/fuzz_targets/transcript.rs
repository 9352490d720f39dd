//! Transcripts: the lines of a file, read as the format that they say they are, or else as each.

#![no_main]

use collector::import::{Beside, Format, Origin, Records, Seen, Transcript};
use libfuzzer_sys::fuzz_target;
use spanreel_fuzz::take_in;

/// Every file that the transcript names is there and holds the transcript's last line.
struct Everything<'a>(&'a [u8]);

impl Beside for Everything<'_> {
    fn text(&self, _name: &str) -> Option<String> {
        Some(String::from_utf8_lossy(self.0).into_owned())
    }
}

fuzz_target!(|input: &[u8]| {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let formats = match lines.iter().find_map(|line| Format::of_entry(line)) {
        Some(format) => vec![format],
        None => vec![Format::ClaudeCode, Format::Codex, Format::GeminiCli],
    };
    let beside = Everything(lines.last().copied().unwrap_or_default());
    for format in formats {
        let origin = Origin {
            file_name: "agent-7.jsonl".to_owned(),
            folder_name: "subagents".to_owned(),
        };
        let mut transcript = Transcript::new(format, &origin);
        let (mut seen, mut records) = (Seen::default(), Records::default());
        for line in &lines {
            // What is wrong with a line is for the user to read.
            let _ = transcript.line(line, &beside, &mut seen, &mut records);
        }
        transcript.end(&beside, &mut seen, &mut records);
        let requests = records.take().into_iter().map(|body| {
            proto::decode(body.signal, body.encoding, &body.bytes)
                .expect("own records")
                .request
        });
        take_in(requests.collect());
    }
});
