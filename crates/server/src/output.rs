//! What the commands print: tables, JSON, lines.
//!
//! Invariant: colours and frames only on a terminal that wants them (`NO_COLOR` is respected), so that a pipe gets
//! plain text.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;

/// A table is cut to a terminal's width only if that is at least so many columns.
const WIDTH_MIN: u16 = 40;

/// Writes one line to standard output.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}

/// Writes one line to standard error. That nobody reads it is no error.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _nobody_reads_it = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a value to standard output as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    say(serde_json::to_string_pretty(value)?)
}

/// What a piece of text means; decides its colour on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// All is well, or something is new.
    Good,
    /// Worth a look, or something differs.
    Warn,
    /// Wrong.
    Bad,
    /// Not important.
    Dim,
}

/// A cell of a table.
pub(crate) type Text = (String, Tone);

/// A cell without a special meaning.
pub(crate) fn plain(text: impl std::fmt::Display) -> Text {
    (text.to_string(), Tone::Plain)
}

/// True when standard output is a terminal that may be coloured.
pub(crate) fn coloured() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `text` in the colour of `tone`, where standard output may be coloured.
pub(crate) fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        _ if !coloured() => return text.to_owned(),
        Tone::Plain => return text.to_owned(),
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Dim => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Prints rows under a head: framed by nothing, aligned; coloured on a terminal, cut to its width.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: Vec<[Text; N]>) -> Result<()> {
    let mut table = Table::new();
    let coloured = coloured();
    table.load_style(presets::NOTHING);
    // A terminal that does not say how wide it is gets whole lines, like a pipe.
    let cut = io::stdout().is_terminal() && table.width().is_some_and(|width| width >= WIDTH_MIN);
    table.set_content_arrangement(if cut {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    table.set_header(head.map(|title| {
        let cell = Cell::new(title);
        if coloured { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in rows {
        table.add_row(row.map(|(text, tone)| cell(&text, tone, coloured)));
    }
    say(table.trim_fmt())
}

fn cell(text: &str, tone: Tone, coloured: bool) -> Cell {
    let cell = Cell::new(text);
    match tone {
        _ if !coloured => cell,
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Warn => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

/// The number of the line in which the byte `at` of `text` stands; the first is 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_things_counted() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!((count(1, "row"), count(1_000, "row")), ("1 row".into(), "1,000 rows".into()));
    }

    #[test]
    fn lines_are_counted_from_one_and_the_end_of_the_text_is_in_the_last() {
        let text = "a\nb\n";
        assert_eq!([0, 1, 2, 3, 4, 99].map(|at| line_of(text, at)), [1, 1, 2, 2, 3, 3]);
    }
}
