//! The parsers of the four messages: no bytes make them panic, and what they accept they write back
//! unchanged.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| {
    scramtoken::fuzzing::round_trips(message, "rOprNGfwEbeRWgbNEkqO");
});
