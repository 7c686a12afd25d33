#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::http_answer(octets));
