//! `reconverge test`: pinned configurations of the repository against what it renders.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use super::{Repository, tell};
use crate::domain::config::text_diff::unified;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::name::DeviceName;
use crate::domain::render::Renderer;
use crate::domain::yaml::suggest;

/// The folder of the pinned configurations.
const FOLDER: &str = "tests/golden/";
/// How their names end.
const END: &str = ".cfg";

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  reconverge test\n  reconverge test --accept\n  reconverge test --accept r1   pins r1 from now on\n\n\
    Exit code: 0 when every pinned configuration is what the repository renders, 1 otherwise."
)]
pub struct Args {
    /// The devices; every device with a file in tests/golden/ when none is named.
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// Writes what is rendered into tests/golden/.
    #[arg(long)]
    accept: bool,
}

/// How one device did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Passed,
    Accepted,
    Differs,
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Accepted => "accepted",
            Self::Differs => "differs",
            Self::Failed => "failed",
        }
    }

    fn is_good(self) -> bool {
        matches!(self, Self::Passed | Self::Accepted)
    }
}

struct Outcome {
    device: String,
    file: String,
    state: State,
    /// From pinned to rendered.
    diff: String,
    findings: Vec<Diagnostic>,
}

/// Runs the command.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let repository = Repository::open(cli)?;
    if repository.is_broken() {
        tell(&repository.findings);
        bail!("the repository has errors, so what it renders may be wrong; `reconverge validate` lists them");
    }
    let renderer = Renderer::new(&repository.intent);
    let mut outcomes = Vec::new();
    for (name, pinned) in chosen(&repository, cli, args)? {
        let mut outcome = compared(&repository, &renderer, &name, pinned)?;
        if let (true, State::Differs, Some(rendered)) = (args.accept, outcome.0.state, &outcome.1) {
            write(&cli.repo, &outcome.0.file, rendered)?;
            outcome.0.state = State::Accepted;
        }
        outcomes.push(outcome.0);
    }
    match cli.output {
        Output::Json => print_json(&outcomes)?,
        Output::Text => print_text(&outcomes),
    }
    Ok(if outcomes.iter().all(|outcome| outcome.state.is_good()) { Exit::Done } else { Exit::Failed })
}

/// Returns the pinned configurations that are meant, by the name of their device; an unpinned one only to accept it.
fn chosen<'r>(repository: &'r Repository, cli: &Cli, args: &Args) -> anyhow::Result<BTreeMap<String, Option<&'r str>>> {
    let files = repository.snapshot.under(FOLDER);
    let pinned: BTreeMap<&str, &str> =
        files.filter_map(|(path, text)| Some((path.strip_prefix(FOLDER)?.strip_suffix(END)?, text))).collect();
    let mut chosen = BTreeMap::new();
    if args.devices.is_empty() && cli.select.is_none() {
        chosen.extend(pinned.iter().map(|(name, text)| ((*name).to_owned(), Some(*text))));
        return Ok(chosen);
    }
    for device in repository.devices(&args.devices, cli.select.as_deref())? {
        let text = pinned.get(device.name.as_str()).copied();
        if text.is_none() && !args.accept {
            if args.devices.is_empty() {
                continue;
            }
            bail!(
                "the device {} is not pinned ({FOLDER}{}{END} is missing; --accept writes it)",
                device.name,
                device.name
            );
        }
        chosen.insert(device.name.to_string(), text);
    }
    Ok(chosen)
}

/// Compares one device, and returns what was rendered.
fn compared(
    repository: &Repository,
    renderer: &Renderer<'_>,
    name: &str,
    pinned: Option<&str>,
) -> anyhow::Result<(Outcome, Option<String>)> {
    let file = format!("{FOLDER}{name}{END}");
    let mut outcome =
        Outcome { device: name.to_owned(), file, state: State::Failed, diff: String::new(), findings: Vec::new() };
    let devices = &repository.intent.inventory.devices;
    let Some(device) = name.parse::<DeviceName>().ok().and_then(|name| devices.get(&name)) else {
        let hint = suggest::hint(name, devices.keys().map(DeviceName::as_str));
        let finding = Diagnostic::error(format!("the device {name:?} is not in the inventory"));
        outcome.findings.push(finding.at(&outcome.file, 0, 0).hint(format!("{hint}; or remove the file")));
        return Ok((outcome, None));
    };
    let config = match renderer.render(&device.name) {
        Ok(config) => config,
        Err(findings) => {
            outcome.findings = findings;
            return Ok((outcome, None));
        }
    };
    let rendered = repository.shown(device, &config.text)?;
    // What somebody pinned in clear must not be shown either.
    let pinned = match pinned {
        Some(text) => repository.shown(device, &text.replace("\r\n", "\n"))?,
        None => String::new(),
    };
    outcome.state = if rendered == pinned { State::Passed } else { State::Differs };
    outcome.diff = unified(&pinned, &rendered);
    Ok((outcome, Some(rendered)))
}

fn write(repo: &Path, file: &str, config: &str) -> anyhow::Result<()> {
    let path = repo.join(file);
    let folder = path.parent().unwrap_or(repo);
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    std::fs::write(&path, config).with_context(|| format!("writing {}", path.display()))
}

fn print_text(outcomes: &[Outcome]) {
    for outcome in outcomes {
        println!("{:8} {}", outcome.state.word(), outcome.file);
        for finding in &outcome.findings {
            println!("    {finding}");
        }
        if outcome.state == State::Differs {
            println!("    - pinned   + rendered");
            outcome.diff.lines().for_each(|line| println!("    {line}"));
        }
    }
    let good = outcomes.iter().filter(|outcome| outcome.state.is_good()).count();
    if outcomes.is_empty() {
        eprintln!("nothing is pinned: `reconverge test --accept DEVICE` writes {FOLDER}DEVICE{END}");
    } else if good == outcomes.len() {
        eprintln!("{good} of {} pinned configs are what the repository renders", outcomes.len());
    } else {
        let hint = "if it is meant, `reconverge test --accept` pins it";
        eprintln!(
            "{} of {} pinned configs are not what the repository renders ({hint})",
            outcomes.len() - good,
            outcomes.len()
        );
    }
}

fn print_json(outcomes: &[Outcome]) -> anyhow::Result<()> {
    let tests = outcomes.iter().map(|outcome| {
        json!({
            "device": outcome.device,
            "file": outcome.file,
            "state": outcome.state.word(),
            "diff": outcome.diff,
            "findings": outcome.findings,
        })
    });
    let passed = outcomes.iter().filter(|outcome| outcome.state.is_good()).count();
    let tests: Vec<serde_json::Value> = tests.collect();
    let value = json!({"passed": passed, "failed": outcomes.len() - passed, "tests": tests});
    println!("{}", serde_json::to_string_pretty(&value)?);
    Ok(())
}
