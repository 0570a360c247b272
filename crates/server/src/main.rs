//! The program `provisor`; everything is in the library beside it.

use std::process::ExitCode;

// A server allocates small things on many threads; the C library's allocator is the slower one at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    provisor_server::main()
}
