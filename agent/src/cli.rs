//! The command line: commands, flags, and the environment variable of each flag.
//!
//! Flags carry the names that users of the replaced tools know. `--collector.<name>` and
//! `--no-collector.<name>` exist for every group of the host's registry, and `--collector.<name>.<setting>` for
//! every setting of a group, so they are added from it.

mod groups;

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use vigie_config::{Flags, Origin, Variables};

use crate::commands::buffer::Question;
use crate::commands::{Format, exceptions, explain, job, test};

/// One small daemon that watches a host and its applications: metrics for Prometheus, logs and traces over
/// OTLP.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do; `run` if nothing is said.
    #[command(subcommand)]
    command: Option<Do>,
    #[command(flatten)]
    flags: Common,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Do {
    /// Run the agent (what happens without a command too), or with `--job` a program that reports to it
    ///
    /// With `--job` the program behind `--` is run once: `vigie run --job backup --max-age 26h -- ./backup.sh`. Its
    /// input, its outputs, signals and its exit code are what they would be without; besides, the agent learns when it
    /// started and ended, its exit code, how much memory it took and its last lines, of what it does not write to a
    /// terminal. While no agent answers, the report waits in a file under `agent.state_dir`.
    Run {
        #[command(flatten)]
        job: job::Arguments,
    },
    /// Check the configuration and say everything that is wrong with it
    Check {
        /// How to say it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Show what waits on disk for destinations, where an exporter has `spool: { mode: disk }`
    Buffer {
        /// What to show
        #[command(subcommand)]
        question: Question,
    },
    /// Say what a source of logs makes of lines, and why; nothing is sent and no state is written
    Explain {
        /// What to explain
        #[command(subcommand)]
        question: explain::Question,
    },
    /// Run tests of a configuration: lines in, and the records, series and drops that are expected to come of them
    ///
    /// A file of tests is YAML: `config: vigie.yaml` (from where the file is; `--config.file` takes its place) and
    /// `tests:`, a list of `name`, `source`, `input`, `time` and `expect` with `records`, `dropped`, `metrics`,
    /// `exceptions` and `spans`. Exits with 1 if something is not as expected, with 78 if a file is wrong.
    Test {
        #[command(flatten)]
        tests: test::Arguments,
    },
    /// Show the errors that were found in logs: how often each was seen, when, and where
    Exceptions {
        #[command(flatten)]
        question: exceptions::Question,
    },
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Args)]
struct Common {
    /// Configuration file or directory; repeatable [default: /etc/vigie/vigie.yaml and /etc/vigie/conf.d
    /// where they exist]
    #[arg(
        short = 'c',
        long = "config.file",
        global = true,
        value_name = "PATH",
        env = "VIGIE_CONFIG_FILE",
        value_delimiter = ','
    )]
    config_file: Vec<PathBuf>,
    /// Address to listen on, as HOST:PORT
    #[arg(
        long = "web.listen-address",
        global = true,
        value_name = "ADDRESS",
        env = "VIGIE_WEB_LISTEN_ADDRESS"
    )]
    listen: Option<String>,
    /// File with TLS and basic authentication of the read side, in the exporter-toolkit's format
    #[arg(long = "web.config.file", global = true, value_name = "FILE", env = "VIGIE_WEB_CONFIG_FILE")]
    web_config: Option<PathBuf>,
    /// Least severity that is logged
    #[arg(long = "log.level", global = true, value_name = "LEVEL", env = "VIGIE_LOG_LEVEL", value_parser = clap::builder::PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"]))]
    log_level: Option<String>,
    /// Format of the log
    #[arg(long = "log.format", global = true, value_name = "FORMAT", env = "VIGIE_LOG_FORMAT", value_parser = clap::builder::PossibleValuesParser::new(["text", "logfmt", "json"]))]
    log_format: Option<String>,
    /// Where procfs is mounted
    #[arg(long = "path.procfs", global = true, value_name = "DIR", env = "VIGIE_PATH_PROCFS")]
    procfs: Option<PathBuf>,
    /// Where sysfs is mounted
    #[arg(long = "path.sysfs", global = true, value_name = "DIR", env = "VIGIE_PATH_SYSFS")]
    sysfs: Option<PathBuf>,
    /// Where the host's root is mounted
    #[arg(long = "path.rootfs", global = true, value_name = "DIR", env = "VIGIE_PATH_ROOTFS")]
    rootfs: Option<PathBuf>,
    /// Where udev keeps its data
    #[arg(long = "path.udev.data", global = true, value_name = "DIR", env = "VIGIE_PATH_UDEV_DATA")]
    udev_data: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// The command.
    pub command: Do,
    /// Where the configuration comes from.
    pub origin: Origin,
}

/// The command with all of its flags.
#[must_use]
pub(crate) fn command() -> Command {
    groups::add(Cli::command())
}

/// Reads the command line and the environment; on a mistake says what it is and exits with 2.
#[must_use]
pub(crate) fn parse() -> Invocation {
    let matches = command().get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.invocation(&matches),
        Err(error) => error.exit(),
    }
}

impl Cli {
    fn invocation(self, matches: &ArgMatches) -> Invocation {
        let flags = self.flags;
        Invocation {
            command: self.command.unwrap_or_else(|| Do::Run { job: job::Arguments::default() }),
            origin: Origin {
                files: flags.config_file,
                flags: Flags {
                    listen_address: flags.listen,
                    web_config_file: flags.web_config,
                    log_level: flags.log_level,
                    log_format: flags.log_format,
                    procfs: flags.procfs,
                    sysfs: flags.sysfs,
                    rootfs: flags.rootfs,
                    udev_data: flags.udev_data,
                    enable: groups::toggled(matches, "collector"),
                    disable: groups::toggled(matches, "no-collector"),
                    settings: groups::settings(matches),
                },
                variables: Variables::of_process(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_job_needs_a_name_and_a_program() {
        let told = |arguments: &str| {
            let parsed = command().try_get_matches_from(arguments.split(' '));
            parsed.map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(told("vigie run"), Ok(()));
        assert_eq!(told("vigie run --job backup --max-age 26h -- ./backup.sh --all -c x"), Ok(()));
        assert!(told("vigie run -- ./backup.sh").unwrap_err().contains("--job <NAME>"));
        assert!(told("vigie run --job backup").unwrap_err().contains("-- <PROGRAM>"));
        assert!(told("vigie run --max-age 1h").unwrap_err().contains("--job <NAME>"));
        assert!(told("vigie run --job a/b -- x").unwrap_err().contains("not the name of a job"));
        assert!(told("vigie run --job a --max-age 26 -- x").unwrap_err().contains("has no unit"));
    }
}
