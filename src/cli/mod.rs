//! Ways in from a shell: one file per command, exit codes by what the caller must do next.

pub mod outcome;
pub mod assemble;
mod diff;
mod predict;
mod online;
mod demo;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use outcome::Exit;

/// Network intent in git, planned, reviewed, deployed and kept.
#[derive(Debug, Parser)]
#[command(name = "reconverge", version, about, propagate_version = true)]
pub struct Cli {
    /// The intent repository.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Which devices are meant: `site=ams role in (leaf,spine) !suspended`.
    #[arg(long, global = true, value_name = "SELECTOR")]
    pub select: Option<String>,
    /// Where plans, runs and secrets are.
    #[command(flatten)]
    pub state: assemble::StateArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compares two configuration files and prints the commands that lead from one to the other.
    Diff(diff::Args),
    /// Says what a device holds after commands were typed.
    Predict(predict::Args),
    /// Says what would be sent to the devices.
    Plan(online::plan::PlanArgs),
    /// Deploys exactly one plan, or refuses.
    Apply(online::apply::Args),
    /// Says what was changed outside git.
    Drift(online::plan::DriftArgs),
    /// Shows a plan or a run.
    Show(online::show::ShowArgs),
    /// Lists runs, the newest first.
    Runs(online::show::RunsArgs),
    /// Runs the service.
    Serve(online::serve::Args),
    /// Starts simulated devices and serves them over SSH.
    Lab(demo::lab::Args),
    /// Shows the whole loop on simulated devices, and checks itself at every step.
    Demo(demo::Args),
}

/// Runs the command line and returns the exit code.
pub fn main() -> Exit {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Diff(args) => diff::run(&cli, args),
        Command::Predict(args) => predict::run(&cli, args),
        Command::Plan(args) => assemble::wait(online::plan::plan(&cli, args)),
        Command::Apply(args) => assemble::wait(online::apply::run(&cli, args)),
        Command::Drift(args) => assemble::wait(online::plan::drift(&cli, args)),
        Command::Show(args) => assemble::wait(online::show::show(&cli, args)),
        Command::Runs(args) => assemble::wait(online::show::runs(&cli, args)),
        Command::Serve(args) => assemble::wait(online::serve::run(&cli, args)),
        Command::Lab(args) => assemble::wait(demo::lab::run(&cli, args)),
        Command::Demo(args) => assemble::wait(demo::run(args)),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Exit::Failed
    })
}
