//! The command line: one file a command, named like it.

mod adopt;
mod case;
mod catalogue;
mod completions;
mod config;
mod copy;
mod credential;
mod demo;
mod mail;
mod maintenance;
mod migrate;
mod network;
mod serve;
mod service;
mod session;
mod sim;
mod ticket;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use confique::Layer as _;

use crate::config::{Config, LogFormat, SettingsLayer};
use crate::database::DatabaseUrl;
use crate::logging::{self, Role};
use crate::output::note;
pub(crate) use session::Session;

const AFTER: &str = "\
Try it in a minute:
  provisor demo                           a server with example data; prints calls to paste

From nothing to a running server:
  provisor catalogue apply world.toml     networks, tariffs, customers, users …
  provisor sim import stock.csv           SIM cards
  provisor serve                          the APIs, and the work behind them

Every command but `copy`, which moves an installation, works beside a running server, and is
seen by it within a second.";

/// The exit code of a wrong command line, whether clap finds it or a command does.
const USAGE: u8 = 2;

/// Provisions SIM services at mobile networks and mailboxes at mail systems: two legacy APIs over one durable ticket
/// engine.
#[derive(Debug, Parser)]
#[command(name = "provisor", version, propagate_version = true, after_help = AFTER)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The database: `sqlite://FILE`, `sqlite:///FILE` from the root, or `postgres://USER@HOST/DATABASE` [default:
    /// `sqlite://provisor.db`]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<DatabaseUrl>,
    /// The configuration file [default: provisor.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "PROVISOR_CONFIG")]
    config: Option<PathBuf>,
    /// How log lines look [default: auto: human on a terminal, JSON elsewhere]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or by module (`info,provisor_engine=debug`)
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    #[command(subcommand)]
    Catalogue(catalogue::Catalogue),
    #[command(subcommand)]
    Sim(sim::Sim),
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    #[command(subcommand)]
    Case(case::Case),
    #[command(subcommand)]
    Network(network::Network),
    #[command(subcommand)]
    Service(service::Service),
    #[command(subcommand)]
    User(user::User),
    #[command(subcommand)]
    Mail(mail::Mail),
    #[command(subcommand)]
    Maintenance(maintenance::Maintenance),
    #[command(subcommand)]
    Adopt(adopt::Adopt),
    Migrate(migrate::Migrate),
    Copy(copy::Copy),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Completions(completions::Completions),
}

/// Parses the command line, runs the command and says how it went.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for: 0. A wrong command line: 2.
            let _nobody_reads_it = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) if nobody_reads(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {error:#}"));
            if error.is::<session::Usage>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// True when the reader of our output has gone (`provisor ticket list | head`).
fn nobody_reads(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(cli: Cli) -> Result<ExitCode> {
    let mut flags = cli.global.layer();
    match &cli.command {
        Command::Completions(command) => return command.run().map(|()| ExitCode::SUCCESS),
        Command::Config(config::ConfigCommand::Template) => {
            return config::template().map(|()| ExitCode::SUCCESS);
        }
        Command::Serve(command) => command.flags(&mut flags),
        Command::Demo(command) => command.flags(&mut flags),
        _ => {}
    }
    let config = Config::load(flags, cli.global.config.as_deref())?;
    let server = matches!(cli.command, Command::Serve(_) | Command::Demo(_));
    logging::start(&config, if server { Role::Server } else { Role::Command })?;
    let session = Session::new(config);
    let mut runtime = if server {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = runtime.enable_all().build()?;
    let ended = runtime.block_on(dispatch(cli.command, &session));
    // What still blocks a thread (a password check, a driver) must not hold up the end.
    runtime.shutdown_background();
    ended
}

async fn dispatch(command: Command, session: &Session) -> Result<ExitCode> {
    match command {
        Command::Serve(_) => return crate::serve::serve(&session.config).await,
        Command::Demo(_) => return crate::demo::run(&session.config).await,
        Command::Catalogue(command) => command.run(session).await?,
        Command::Sim(command) => return command.run(session).await,
        Command::Ticket(command) => command.run(session).await?,
        Command::Case(command) => command.run(session).await?,
        Command::Network(command) => return command.run(session).await,
        Command::Service(command) => command.run(session).await?,
        Command::User(command) => command.run(session).await?,
        Command::Mail(command) => command.run(session).await?,
        Command::Maintenance(command) => command.run(session).await?,
        Command::Adopt(command) => command.run(session).await?,
        Command::Migrate(command) => command.run(session).await?,
        Command::Copy(command) => command.run(session).await?,
        Command::Config(command) => command.run(session)?,
        Command::Completions(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Global {
    fn layer(&self) -> SettingsLayer {
        let mut layer = SettingsLayer::empty();
        layer.database.clone_from(&self.database);
        layer.log.format = self.log_format;
        layer.log.filter.clone_from(&self.log);
        layer
    }
}

/// The whole command line, for completions.
fn command_line() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    /// clap breaks what is longer than 100 columns wherever that falls, also in the middle of a table.
    const HELP_COLUMNS_MAX: usize = 96;

    #[test]
    fn the_command_line_is_well_formed() {
        super::command_line().debug_assert();
    }

    #[test]
    fn no_line_that_stands_as_it_is_in_a_help_is_too_long() {
        let (mut long, mut seen) = (Vec::new(), 0);
        let mut commands = vec![super::command_line()];
        while let Some(command) = commands.pop() {
            for help in
                [command.get_after_help(), command.get_after_long_help()].into_iter().flatten()
            {
                seen += 1;
                let help = help.to_string();
                let lines = help.lines().filter(|line| line.chars().count() > HELP_COLUMNS_MAX);
                long.extend(lines.map(|line| format!("{}: {line}", command.get_name())));
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 20, "{seen} of the commands say more than their options");
        assert_eq!(long, [""; 0]);
    }

    /// Whatever it is that an argument takes.
    #[test]
    fn every_argument_says_what_it_is() {
        let mut silent = Vec::new();
        let mut commands = vec![super::command_line()];
        while let Some(command) = commands.pop() {
            let arguments =
                command.get_arguments().filter(|argument| argument.get_help().is_none());
            silent.extend(
                arguments.map(|argument| format!("{} {}", command.get_name(), argument.get_id())),
            );
            commands.extend(command.get_subcommands().cloned());
        }
        assert_eq!(silent, [""; 0]);
    }
}
