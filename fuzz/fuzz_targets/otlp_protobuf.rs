//! OTLP in protobuf: the first byte chooses the signal, the rest is the body.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use proto::{Encoding, Signal};
use spanreel_fuzz::{round_trip, take_in};

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((first, body)) = input.split_first() else {
        return Corpus::Reject;
    };
    let signal = Signal::ALL[usize::from(*first) % Signal::ALL.len()];
    let Ok(decoded) = proto::decode(signal, Encoding::Protobuf, body) else {
        return Corpus::Keep;
    };
    round_trip(&decoded.request);
    take_in(vec![decoded.request]);
    Corpus::Keep
});
