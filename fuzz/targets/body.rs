//! Any bytes as the body of a request of the first document: read, checked and turned into an order or an error, by
//! every method. It must neither panic nor hang nor grow out of bounds, whatever the bytes are.

#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| provisor_web::ccc::fuzz_body(body));
