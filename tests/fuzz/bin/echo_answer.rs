#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::echo_answer(octets));
