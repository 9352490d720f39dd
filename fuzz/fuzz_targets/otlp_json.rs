//! OTLP/JSON: the first key chooses the signal, as in a file that is imported.

#![no_main]

use collector::import::otlp_file::json_signal;
use libfuzzer_sys::fuzz_target;
use proto::{Encoding, Signal};
use spanreel_fuzz::{round_trip, take_in};

fuzz_target!(|body: &[u8]| {
    let signals = match json_signal(body) {
        Some(signal) => vec![signal],
        None => Signal::ALL.to_vec(),
    };
    for signal in signals {
        if let Ok(decoded) = proto::decode(signal, Encoding::Json, body) {
            round_trip(&decoded.request);
            take_in(vec![decoded.request]);
        }
    }
});
