//! Paths of the Simple Portal face: none makes the reader panic, and what was read is written the same way again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(path) = std::str::from_utf8(bytes) {
        provisor_web::fuzz_path(path);
    }
});
