//! Ways in from a shell: one file per command, exit codes by what the caller must do next.

#[macro_use]
mod console;
pub mod outcome;
pub mod assemble;
mod offline;
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
    /// Makes a new intent repository.
    Init(offline::init::Args),
    /// Says everything that is wrong with the repository.
    Validate(offline::validate::Args),
    /// Prints the configurations that the devices should have; secrets stay references.
    Render(offline::render::Args),
    /// Says where the values of a device come from.
    Explain(offline::explain::Args),
    /// Compares what the repository renders with its pinned configurations in tests/golden/.
    Test(offline::test::Args),
    /// Compares two configuration files and prints the commands that lead from one to the other.
    Diff(offline::diff::Args),
    /// Says what a device holds after commands were typed.
    Predict(offline::predict::Args),
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
    /// Accepts the host key of a device, after it was compared.
    Trust(online::trust::Args),
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
        Command::Init(args) => offline::init::run(&cli, args),
        Command::Validate(args) => offline::validate::run(&cli, args),
        Command::Render(args) => offline::render::run(&cli, args),
        Command::Explain(args) => offline::explain::run(&cli, args),
        Command::Test(args) => offline::test::run(&cli, args),
        Command::Diff(args) => offline::diff::run(&cli, args),
        Command::Predict(args) => offline::predict::run(&cli, args),
        Command::Plan(args) => assemble::wait(online::plan::plan(&cli, args)),
        Command::Apply(args) => assemble::wait(online::apply::run(&cli, args)),
        Command::Drift(args) => assemble::wait(online::plan::drift(&cli, args)),
        Command::Show(args) => assemble::wait(online::show::show(&cli, args)),
        Command::Runs(args) => assemble::wait(online::show::runs(&cli, args)),
        Command::Trust(args) => assemble::wait(online::trust::run(&cli, args)),
        Command::Serve(args) => assemble::wait(online::serve::run(&cli, args)),
        Command::Lab(args) => assemble::wait(demo::lab::run(&cli, args)),
        Command::Demo(args) => assemble::wait(demo::run(args)),
    };
    let exit = result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Exit::Failed
    });
    if console::finish() { exit } else { Exit::Failed }
}
