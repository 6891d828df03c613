//! `reconverge render`: the configurations that the devices should have, with references in place of secrets.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use super::{Repository, tell};
use crate::domain::diagnostic::{Diagnostic, any_error};
use crate::domain::intent::TEMPLATES_FOLDER;
use crate::domain::inventory::Device;
use crate::domain::render::Renderer;
use crate::domain::report::count;
use crate::domain::secret::SecretRef;

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge render r1\n  reconverge render --select 'site=ams' --out configs/\n\n\
    Secrets are printed as their references (secret://…); what stands in clear in the repository is masked.")]
pub struct Args {
    /// The devices; all when none is named.
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// Writes DIR/DEVICE.cfg instead of printing.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One rendered device, as it is shown.
struct Rendered<'a> {
    device: &'a Device,
    config: String,
    secrets: Vec<SecretRef>,
}

/// Runs the command. Nothing is rendered from a repository with errors: the result could be wrong.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let repository = Repository::open(cli)?;
    let mut findings = repository.findings.clone();
    let mut rendered = Vec::new();
    if !repository.is_broken() {
        let renderer = Renderer::new(&repository.intent);
        for device in repository.devices(&args.devices, cli.select.as_deref())? {
            match renderer.render(&device.name) {
                Ok(config) => rendered.push(Rendered {
                    device,
                    config: repository.shown(device, &config.text)?,
                    secrets: config.references().into_iter().collect(),
                }),
                Err(found) => findings.extend(found),
            }
        }
    }
    findings.sort();
    findings.dedup();
    if let Some(folder) = &args.out {
        write(folder, &rendered)?;
    }
    match (cli.output, &args.out) {
        (Output::Json, _) => print_json(&repository, &rendered, &findings)?,
        (Output::Text, Some(folder)) => {
            tell(&findings);
            eprintln!("{} written to {}", count(rendered.len(), "config"), folder.display());
        }
        (Output::Text, None) => {
            tell(&findings);
            print_text(&rendered);
        }
    }
    Ok(if any_error(&findings) { Exit::Failed } else { Exit::Done })
}

/// Several configurations are kept apart by a line that no device accepts, so that nobody pastes them as one.
fn print_text(rendered: &[Rendered<'_>]) {
    for (index, one) in rendered.iter().enumerate() {
        if rendered.len() > 1 {
            let gap = if index > 0 { "\n" } else { "" };
            println!("{gap}==> {} <==", one.device.name);
        }
        print!("{}", one.config);
    }
}

fn print_json(repository: &Repository, rendered: &[Rendered<'_>], findings: &[Diagnostic]) -> anyhow::Result<()> {
    let devices = rendered.iter().map(|one| {
        let template = repository.intent.main_template(one.device).map(|path| format!("{TEMPLATES_FOLDER}{path}"));
        json!({
            "name": one.device.name,
            "platform": one.device.platform,
            "template": template,
            "secrets": one.secrets,
            "config": one.config,
        })
    });
    let devices: Vec<serde_json::Value> = devices.collect();
    let value = json!({"revision": repository.snapshot.revision, "devices": devices, "findings": findings});
    println!("{}", serde_json::to_string_pretty(&value)?);
    Ok(())
}

fn write(folder: &Path, rendered: &[Rendered<'_>]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    for one in rendered {
        let path = folder.join(format!("{}.cfg", one.device.name));
        std::fs::write(&path, &one.config).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
