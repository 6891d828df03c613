//! `reconverge predict`: a configuration and commands in, the predicted configuration out.

use std::path::PathBuf;

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use super::diff::read;
use crate::domain::platform::Platform;

/// Arguments of `predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge predict --platform frr running.cfg commands.txt")]
pub struct Args {
    /// The platform of both files.
    #[arg(long, short)]
    platform: String,
    /// What the device has.
    running: PathBuf,
    /// What is typed, indented like a configuration.
    commands: PathBuf,
}

/// Runs the command.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let platform = Platform::built_in(&args.platform).map_err(anyhow::Error::msg)?;
    let dialect = &platform.dialect;
    let running = dialect.parse(&read(&args.running)?);
    let commands = dialect.parse_commands(&read(&args.commands)?);
    let text = dialect.print(&dialect.predict(&running, &commands));
    match cli.output {
        Output::Text => print!("{text}"),
        Output::Json => println!("{}", serde_json::json!({ "platform": platform.name, "predicted": text })),
    }
    Ok(Exit::Done)
}
