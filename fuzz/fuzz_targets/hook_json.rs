//! Hook documents: the first line names the harness, every further line is what one hook was given, and
//! behind a tab what the hook command answered.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::Request;
use proto::hook::{Fire, Ran};
use spanreel_fuzz::take_in;

const START_NS: u64 = 1_760_000_000_000_000_000;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let harness = lines.next().unwrap_or_default();
    let fires = lines.zip(0u32..).map(|(line, number)| {
        let (document, answer) = match line.split_once('\t') {
            Some((document, answer)) => (document, Some(answer)),
            None => (line, None),
        };
        let fire = Fire {
            harness: harness.to_owned(),
            event: (number % 2 == 1).then(|| "preToolUse".to_owned()),
            id: number.to_string(),
            time_ns: START_NS + u64::from(number) * 1_000_000,
            place: None,
            document: document.to_owned(),
            ran: answer.map(|answer| Ran {
                command: "check".to_owned(),
                exit_code: (number % 3 > 0).then_some(if number % 2 == 0 { 2 } else { 0 }),
                stdout: answer.to_owned(),
                stderr: answer.to_owned(),
                duration_ms: 1.5,
            }),
        };
        Request::Logs(fire.into_request())
    });
    take_in(fires.collect());
});
