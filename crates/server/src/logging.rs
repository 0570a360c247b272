//! Logging to standard error: human on a terminal, one JSON object a line elsewhere.

use std::io::IsTerminal;

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use crate::config::{Config, LogFormat};

/// What one-shot commands log when nobody says anything: only what went wrong.
const QUIET: &str = "warn";

/// Who logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A server: everything that is configured.
    Server,
    /// A command that ends: quiet unless told otherwise.
    Command,
}

/// Whether `filter` is one.
pub(crate) fn check_filter(filter: &str) -> Result<()> {
    EnvFilter::try_new(filter).map(drop).map_err(|error| {
        anyhow!("log filter {filter:?} is not valid ({error}): write a level like info, or info,provisor_engine=debug")
    })
}

/// Starts logging for this process.
pub(crate) fn start(config: &Config, role: Role) -> Result<()> {
    let quiet = role == Role::Command && config.is_default("log.filter");
    let filter = if quiet { QUIET } else { &config.settings.log.filter };
    let filter = EnvFilter::try_new(filter)?;
    let terminal = std::io::stderr().is_terminal();
    let human = match config.settings.log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal || role == Role::Command,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime);
    let started = if human {
        logger.with_ansi(colour).try_init()
    } else {
        logger.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    started.map_err(|error| anyhow!("logging cannot be started: {error}"))
}
