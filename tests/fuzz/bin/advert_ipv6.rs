#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| body::advert_ipv6(octets));
