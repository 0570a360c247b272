//! What is wrong with a catalogue file, gathered until it has been read to its end.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::output::line_of;

/// A table of the file as messages name it: `[[tariff]] "X"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// The table's name.
    pub(crate) kind: &'static str,
    /// What the entry is called, where it says so.
    pub(crate) key: Option<String>,
    /// Where the entry begins, in bytes.
    pub(crate) at: usize,
}

impl Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(f, "[[{}]] {key:?}", self.kind),
            None => write!(f, "[[{}]]", self.kind),
        }
    }
}

/// Problems of one file.
#[derive(Debug)]
pub(crate) struct Problems {
    file: PathBuf,
    text: String,
    list: Vec<(usize, String)>,
}

impl Problems {
    /// None yet.
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), list: Vec::new() }
    }

    /// Something is wrong at this byte.
    pub(crate) fn at(&mut self, at: usize, what: impl Display) {
        self.list.push((line_of(&self.text, at), what.to_string()));
    }

    /// Something is wrong at this byte, in this table.
    pub(crate) fn within(&mut self, label: &Label, at: usize, what: impl Display) {
        self.at(at, format!("{label}: {what}"));
    }

    /// The line of a byte.
    pub(crate) fn line(&self, at: usize) -> usize {
        line_of(&self.text, at)
    }

    /// True while nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them as `FILE:LINE: what`, in the order of lines.
    pub(crate) fn lines(mut self) -> Vec<String> {
        self.list.sort();
        self.list.dedup();
        let file = self.file.display();
        self.list.iter().map(|(line, what)| format!("{file}:{line}: {what}")).collect()
    }
}
