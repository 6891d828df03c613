//! `reconverge diff`: two text files in, the remediation out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use crate::domain::config::command::Operation;
use crate::domain::config::grouping::shape_id;
use crate::domain::config::remediate::Scope;
use crate::domain::limits::CONFIG_BYTES_MAX;
use crate::domain::platform::Platform;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge diff --platform arista_eos running.cfg intended.cfg")]
pub struct Args {
    /// The platform of both files.
    #[arg(long, short)]
    platform: String,
    /// What may be removed.
    #[arg(long, value_enum, default_value_t = Mode::Replace)]
    mode: Mode,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Commands)]
    format: Format,
    /// What the device has.
    running: PathBuf,
    /// What it should have.
    intended: PathBuf,
}

/// What may be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Nothing.
    Merge,
    /// Everything that is not intended.
    Replace,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The commands to type, in order.
    Commands,
    /// A unified text diff.
    Diff,
    /// Operations with path, kind, risk, group and rule.
    Json,
}

/// Runs the command.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let platform = Platform::built_in(&args.platform).map_err(anyhow::Error::msg)?;
    let dialect = &platform.dialect;
    let running = dialect.parse(&read(&args.running)?);
    let intended = dialect.parse(&read(&args.intended)?);
    let scope = if args.mode == Mode::Merge { Scope::Merge } else { Scope::Replace };
    let remediation = dialect.remediate(&running, &intended, &scope);
    let format = if cli.output == Output::Json { Format::Json } else { args.format };
    match format {
        Format::Commands => print!("{}", dialect.commands_text(&remediation)),
        Format::Diff => print!("{}", dialect.text_diff(&running, &intended)),
        Format::Json => {
            let operations = remediation.operations();
            let grouped = |operation: &Operation| -> serde_json::Result<serde_json::Value> {
                let mut value = serde_json::to_value(operation)?;
                value["group"] = shape_id(std::slice::from_ref(operation)).into();
                Ok(value)
            };
            let value = serde_json::json!({
                "platform": platform.name,
                "mode": if args.mode == Mode::Merge { "merge" } else { "replace" },
                "changed": !remediation.is_empty(),
                "risk": remediation.risk(),
                "group": shape_id(&operations),
                "operations": operations.iter().map(grouped).collect::<Result<Vec<_>, _>>()?,
                "commands": dialect.commands_text(&remediation).lines().collect::<Vec<_>>(),
                "unproved": remediation.unproved,
            });
            println!("{}", serde_json::to_string_pretty(&value)?);
        }
    }
    for line in &remediation.unproved {
        eprintln!("warning: no command of {} brings this about: {line}", platform.name);
    }
    Ok(if remediation.is_empty() { Exit::Done } else { Exit::Changes })
}

/// Reads a configuration file.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() > CONFIG_BYTES_MAX {
        bail!("{} is larger than {CONFIG_BYTES_MAX} bytes", path.display());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
