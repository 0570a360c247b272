//! `provisor completions`

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

const AFTER: &str = "\
Examples:
  provisor completions bash > /etc/bash_completion.d/provisor
  provisor completions fish > ~/.config/fish/completions/provisor.fish";

/// Print completions for a shell
///
/// Changes nothing: put what it prints where your shell looks for completions.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command_line(), "provisor", &mut script);
        crate::output::say(String::from_utf8_lossy(&script).trim_end())
    }
}
