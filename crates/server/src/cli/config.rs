//! `provisor config check|template`

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use crate::config::{self, Config, Setting, Whence};
use crate::output::{self, Tone, note, plain, say};

/// Settings: check them, or print a file to begin with
///
/// Defaults are overruled by provisor.toml, that by PROVISOR_… environment variables, those by options.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  provisor config template > provisor.toml")]
pub(crate) enum ConfigCommand {
    Check(Check),
    /// Print a provisor.toml with every setting, its default and what it means
    #[command(after_help = "Example:\n  provisor config template > provisor.toml")]
    Template,
}

const AFTER: &str = "\
Examples:
  provisor config check
  provisor config check --config /etc/provisor.toml --json";

/// Check the configuration and print what is in effect
///
/// Shows every setting, its value and where that came from. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the template.
pub(crate) fn template() -> Result<()> {
    say(config::template().trim_end())
}

impl ConfigCommand {
    pub(crate) fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Check(command) => command.run(&session.config),
            Self::Template => template(),
        }
    }
}

impl Check {
    fn run(self, config: &Config) -> Result<()> {
        let settings: Vec<Setting> = config.listed.iter().map(|s| resolved(config, s)).collect();
        for name in config::unknown_variables() {
            note(format!("warning: the environment variable {name} is not a setting of provisor"));
        }
        if self.json {
            let all = settings.iter().map(|setting| {
                json!({
                    "key": setting.key,
                    "value": setting.value,
                    "from": setting.from.to_string(),
                })
            });
            return output::json(&all.collect::<Vec<_>>());
        }
        let rows = settings.iter().map(|setting| {
            let tone = if setting.from == Whence::Default { Tone::Dim } else { Tone::Plain };
            [plain(&setting.key), plain(shown(&setting.value)), (setting.from.to_string(), tone)]
        });
        output::table(["SETTING", "VALUE", "FROM"], rows.collect())
    }
}

/// With the defaults that follow from other settings filled in.
fn resolved(config: &Config, setting: &Setting) -> Setting {
    let value = match setting.key.as_str() {
        "data_dir" => config.settings.data_dir().display().to_string().into(),
        "sim_key_file" => config.settings.sim_key_file().display().to_string().into(),
        _ => setting.value.clone(),
    };
    Setting { value, ..setting.clone() }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
