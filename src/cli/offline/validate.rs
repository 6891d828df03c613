//! `reconverge validate`: everything that is wrong with one tree, on the line where it is wrong.

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use super::{Repository, formats};
use crate::domain::diagnostic::{Diagnostic, Severity, any_error};
use crate::domain::intent::TEMPLATES_FOLDER;
use crate::domain::inventory::Device;
use crate::domain::name::DeviceName;
use crate::domain::render::provenance::provenance;
use crate::domain::render::{self, Renderer};
use crate::domain::report::count;

/// Most devices that one finding names.
const NAMES_SHOWN_MAX: usize = 5;

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge validate\n  reconverge validate --format github\n\n\
    Exit code: 0 when there is no error, 1 when there is one. Warnings are no errors.")]
pub struct Args {
    /// How findings are printed; `text` is `path:line:column: severity: message (hint)`.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line each.
    Text,
    /// One object with counts and all findings.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0 (OASIS), for code scanning.
    Sarif,
}

/// Runs the command.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let repository = Repository::open(cli)?;
    let mut findings = repository.findings.clone();
    findings.extend(render::validate(&repository.intent));
    // What is rendered in spite of an error may be anything.
    if !any_error(&findings) {
        findings.extend(clear_secrets(&repository));
    }
    findings.sort();
    findings.dedup();
    let devices = repository.intent.inventory.devices.len();
    let format = args.format.unwrap_or(if cli.output == Output::Json { Format::Json } else { Format::Text });
    match format {
        Format::Text => findings.iter().for_each(|finding| println!("{finding}")),
        Format::Json => println!("{}", serde_json::to_string_pretty(&formats::json(&findings, devices))?),
        Format::Github => findings.iter().for_each(|finding| println!("{}", formats::github(finding, &cli.repo))),
        Format::Sarif => println!("{}", serde_json::to_string_pretty(&formats::sarif(&findings, &cli.repo))?),
    }
    if format == Format::Text || format == Format::Github {
        eprintln!("{}", summary(&findings, devices));
    }
    Ok(if any_error(&findings) { Exit::Failed } else { Exit::Done })
}

fn summary(findings: &[Diagnostic], devices: usize) -> String {
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    format!("{}: {}, {}", count(devices, "device"), count(errors, "error"), count(warnings, "warning"))
}

/// Returns the lines of rendered configurations that hold a secret in clear, on the line of the template that made them.
fn clear_secrets(repository: &Repository) -> Vec<Diagnostic> {
    let renderer = Renderer::new(&repository.intent);
    let mut found: BTreeMap<Diagnostic, Vec<&DeviceName>> = BTreeMap::new();
    for device in repository.intent.inventory.devices.values() {
        // What keeps it from rendering is told already.
        let Ok(config) = renderer.render(&device.name) else { continue };
        for finding in clear_secrets_of(repository, device, &config.text) {
            found.entry(finding).or_default().push(&device.name);
        }
    }
    let with_names = |(mut finding, names): (Diagnostic, Vec<&DeviceName>)| {
        if let [only] = names.as_slice() {
            return finding.on(only);
        }
        let shown: Vec<&str> = names.iter().take(NAMES_SHOWN_MAX).map(|name| name.as_str()).collect();
        let more = if names.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
        finding.message.push_str(&format!(" for {} devices: {}{more}", names.len(), shown.join(", ")));
        finding
    };
    found.into_iter().map(with_names).collect()
}

fn clear_secrets_of(repository: &Repository, device: &Device, config: &str) -> Vec<Diagnostic> {
    let Ok(lines) = repository.shown_lines(device, config) else { return Vec::new() };
    let hits: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.clear_secret)
        .map(|(at, line)| (at, line.text.trim()))
        .collect();
    if hits.is_empty() {
        return Vec::new();
    }
    let places = provenance(&repository.intent, &device.name).unwrap_or_default();
    let main = repository.intent.main_template(device).unwrap_or_default();
    let mut findings = Vec::new();
    for (index, masked) in hits {
        let finding = Diagnostic::warning(format!("a secret in plain text in the config: {masked:?}"));
        let finding = finding
            .hint("take it out of the repository, and write {{ secret(\"secret://env/NAME\") }} in the template");
        findings.push(match places.get(index).cloned().flatten() {
            Some(place) => finding.at(&place.path, place.line, place.column),
            None => finding.at(&format!("{TEMPLATES_FOLDER}{main}"), 0, 0),
        });
    }
    findings
}
