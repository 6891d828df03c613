//! Commands that need no device, no store and no service: they read files and print.

pub(super) mod init;
pub(super) mod validate;
mod formats;
pub(super) mod render;
pub(super) mod explain;
pub(super) mod test;
pub(super) mod diff;
pub(super) mod predict;
pub(super) mod parse;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::{Cli, assemble};
use crate::domain::diagnostic::{Diagnostic, any_error};
use crate::domain::intent::{self, Intent};
use crate::domain::inventory::Device;
use crate::domain::name::{DeviceName, PlatformName};
use crate::domain::platform::Platform;
use crate::domain::secret::{self, MASK, SecretRef};
use crate::domain::snapshot::Snapshot;
use crate::domain::yaml::suggest;

/// The folder of `--repo`, read and understood.
struct Repository {
    snapshot: Snapshot,
    intent: Intent,
    /// The platforms of its devices, once they are needed: making one takes as long as the rest of a command.
    platforms: OnceCell<Result<BTreeMap<PlatformName, Platform>, String>>,
    /// What is wrong with its files; rendering may find more.
    findings: Vec<Diagnostic>,
}

impl Repository {
    /// Reads the folder. Bad content is a finding.
    fn open(cli: &Cli) -> anyhow::Result<Self> {
        let (snapshot, mut findings) = read(&cli.repo)?;
        let all_read = !any_error(&findings);
        let known = Platform::names().into_iter().map(str::parse).collect::<Result<_, _>>()?;
        let (mut intent, found) = intent::load(&snapshot, &known);
        intent.is_complete &= all_read;
        findings.extend(found);
        findings.sort();
        findings.dedup();
        Ok(Self { snapshot, intent, platforms: OnceCell::new(), findings })
    }

    /// Tells whether something is wrong with the files, so that what is rendered from them may be wrong as well.
    fn is_broken(&self) -> bool {
        any_error(&self.findings)
    }

    /// Returns the devices that are named, all when none is; of these, those that `--select` chooses.
    fn devices(&self, names: &[String], select: Option<&str>) -> anyhow::Result<Vec<&Device>> {
        let selector = assemble::selector(select)?;
        let mut devices = Vec::new();
        for name in names {
            devices.push(self.device(name)?);
        }
        if names.is_empty() {
            devices.extend(self.intent.inventory.devices.values());
        }
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        devices.dedup_by(|a, b| a.name == b.name);
        devices.retain(|device| selector.as_ref().is_none_or(|selector| selector.matches(device)));
        match select {
            Some(select) if devices.is_empty() => {
                let labels = self.intent.inventory.devices.values().flat_map(|device| device.labels.keys());
                let labels: BTreeSet<&str> = labels.map(String::as_str).collect();
                let labels: Vec<&str> = labels.into_iter().collect();
                bail!(
                    "no device matches --select {select:?} (devices have name, platform, address, group and the labels {})",
                    labels.join(", ")
                )
            }
            _ => Ok(devices),
        }
    }

    /// Returns the device of that name, or says which name is meant.
    fn device(&self, name: &str) -> anyhow::Result<&Device> {
        let devices = &self.intent.inventory.devices;
        let found = name.parse::<DeviceName>().ok().and_then(|name| devices.get(&name));
        let Some(device) = found else {
            let hint = suggest::hint(name, devices.keys().map(DeviceName::as_str));
            bail!("the device {name:?} is not in the inventory ({hint})")
        };
        Ok(device)
    }

    fn platform(&self, device: &Device) -> anyhow::Result<&Platform> {
        let made = self.platforms.get_or_init(|| {
            let names: BTreeSet<&PlatformName> = self.intent.inventory.devices.values().map(|d| &d.platform).collect();
            names.into_iter().map(|name| Ok((name.clone(), Platform::built_in(name.as_str())?))).collect()
        });
        let platforms = made.as_ref().map_err(|error| anyhow!("{error}"))?;
        platforms.get(&device.platform).with_context(|| format!("the platform {} is not known", device.platform))
    }

    /// Returns a configuration as people may see it: references in place of secrets, and a mask over what is written in clear.
    fn shown(&self, device: &Device, config: &str) -> anyhow::Result<String> {
        Ok(self.shown_lines(device, config)?.into_iter().map(|line| line.text + "\n").collect())
    }

    /// Returns the same line by line.
    fn shown_lines(&self, device: &Device, config: &str) -> anyhow::Result<Vec<ShownLine>> {
        let platform = self.platform(device)?;
        let references = secret::references(config);
        let replaced = |text: &str, with: &dyn Fn(&SecretRef) -> String| {
            references.iter().fold(text.to_owned(), |text, one| text.replace(&one.placeholder(), &with(one)))
        };
        let sealed = replaced(config, &|_| MASK.to_owned());
        let masked = platform.dialect.mask(&sealed);
        let lines = config.lines().zip(sealed.lines()).zip(masked.lines());
        // The mask takes quotes around a secret away.
        let unquoted = |line: &str| line.replace(&format!("\"{MASK}\""), MASK);
        let shown = lines.map(|((line, sealed), masked)| match sealed == masked || unquoted(sealed) == masked {
            true => ShownLine { text: replaced(line, &ToString::to_string), clear_secret: false },
            false => ShownLine { text: masked.to_owned(), clear_secret: hides_clear_text(sealed, masked) },
        });
        Ok(shown.collect())
    }
}

/// A line of a configuration as people may see it.
struct ShownLine {
    text: String,
    /// Whether a secret in clear stands under the mask.
    clear_secret: bool,
}

/// Tells whether the mask hides something that nobody else may know. A salted hash (`$6$…`) is no clear text.
fn hides_clear_text(clear: &str, masked: &str) -> bool {
    let kept: Vec<&str> = masked.split_whitespace().collect();
    let hidden: Vec<&str> = clear.split_whitespace().filter(|word| !kept.contains(word)).collect();
    hidden.is_empty() || !hidden.iter().all(|word| word.starts_with('$') && word.matches('$').count() >= 2)
}

/// Reads the files of a folder.
fn read(repo: &Path) -> anyhow::Result<(Snapshot, Vec<Diagnostic>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(assemble::folder(repo))
}

/// Prints findings where logs go.
fn tell(findings: &[Diagnostic]) {
    for finding in findings {
        eprintln!("{finding}");
    }
}
