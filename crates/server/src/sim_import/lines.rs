//! A file's bytes with every line ended in one way, so that the CSV reader counts lines like an editor does.
//!
//! The reader counts `\n`, but with `\r\n` it ends a record at the `\r`: its count is then one behind, and at the end of
//! a file without a last line break, too.

use std::io::{BufRead, Read, Result};

/// Reads `input` without its `\r`, and with a `\n` at its end.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    last: u8,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, last: b'\n' }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                let missing = self.last != b'\n';
                let (Some(place), true) = (into.first_mut(), missing) else { return Ok(0) };
                *place = b'\n';
                self.last = b'\n';
                return Ok(1);
            }
            let taken = available.len().min(into.len());
            let mut written = 0;
            let kept = available.iter().take(taken).filter(|byte| **byte != b'\r');
            for (place, byte) in into.iter_mut().zip(kept) {
                *place = *byte;
                self.last = *byte;
                written += 1;
            }
            self.input.consume(taken);
            // Nothing but `\r`: 0 would mean the end.
            if written > 0 || taken == 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_carriage_returns_go_and_a_last_line_break_comes(
            text in "[ab\r\n]{0,60}", buffer in 1_usize..9, step in 1_usize..9,
        ) {
            let input = std::io::BufReader::with_capacity(buffer, text.as_bytes());
            let (mut lines, mut read, mut part) = (Lines::new(input), Vec::new(), vec![0; step]);
            loop {
                match lines.read(&mut part).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&part[..count]),
                }
            }
            let mut wanted = text.replace('\r', "");
            if !wanted.is_empty() && !wanted.ends_with('\n') {
                wanted.push('\n');
            }
            prop_assert_eq!(String::from_utf8(read).unwrap(), wanted);
        }
    }
}
