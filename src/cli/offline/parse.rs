//! `reconverge parse`: the output of a device in, data out.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::super::outcome::Exit;
use super::diff::read;
use crate::domain::parse::Table;
use crate::domain::parse::textfsm::Template;
use crate::domain::parse::textfsm::index::Index;

/// Arguments of `parse`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge parse --template show_version.textfsm output.txt\n  \
                        reconverge parse --platform cisco_ios --command 'show version' --templates ntc_templates/templates output.txt")]
pub struct Args {
    /// The TextFSM template that reads the output.
    #[arg(long, conflicts_with_all = ["platform", "command"], required_unless_present = "platform")]
    template: Option<PathBuf>,
    /// The platform, as the index of the templates names it.
    #[arg(long, short, requires_all = ["command", "templates"])]
    platform: Option<String>,
    /// The command that gave the output.
    #[arg(long)]
    command: Option<String>,
    /// A folder of TextFSM templates with a file `index`, such as that of ntc-templates.
    #[arg(long, env = "RECONVERGE_NTC_TEMPLATES")]
    templates: Option<PathBuf>,
    /// What the device printed.
    file: PathBuf,
}

/// Runs the command.
pub(in super::super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let output = read(&args.file)?;
    let table = match (&args.template, &args.platform, &args.command, &args.templates) {
        (Some(template), ..) => with_template(template, &output)?,
        (None, Some(platform), Some(command), Some(folder)) => with_index(folder, platform, command, &output)?,
        _ => bail!("give --template, or --platform, --command and --templates"),
    };
    println!("{}", serde_json::to_string_pretty(&table.objects())?);
    Ok(Exit::Done)
}

fn with_template(template: &Path, output: &str) -> anyhow::Result<Table> {
    Ok(Template::read(&template.display().to_string(), &read(template)?)?.parse(output)?)
}

fn with_index(folder: &Path, platform: &str, command: &str, output: &str) -> anyhow::Result<Table> {
    let path = folder.join("index");
    let index = Index::read(&path.display().to_string(), &read(&path)?)?;
    let names = index.find(platform, command)?;
    let (first, others) = names.split_first().context("the index names no template")?;
    let mut whole = with_template(&inside(folder, first)?, output)?;
    for name in others {
        whole.extend(&with_template(&inside(folder, name)?, output)?);
    }
    Ok(whole)
}

/// Keeps the index from naming files outside of its folder.
fn inside(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_plain {
        bail!("the index names a template outside of its folder: {name}");
    }
    Ok(folder.join(name))
}
