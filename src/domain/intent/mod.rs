//! Everything that one revision asks for: settings, inventory, data, templates and checks.

pub mod data;
mod findings;
pub mod schema;
pub mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checks::{self, Check};
use super::diagnostic::Diagnostic;
use super::inventory::load::Known;
use super::inventory::{self, Device, Inventory};
use super::limits::FILE_BYTES_MAX;
use super::name::{DeviceName, PlatformName};
use super::revision::Revision;
use super::snapshot::Snapshot;
use super::yaml::{self, Node, typed};
pub use data::Layer;
pub use settings::Settings;

/// The folder of the templates.
pub const TEMPLATES_FOLDER: &str = "templates/";

/// Everything that one revision asks for.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Where it comes from.
    pub revision: Revision,
    /// How changes reach the network.
    pub settings: Settings,
    /// The devices and groups.
    pub inventory: Inventory,
    /// What proves that devices work.
    pub checks: Vec<Check>,
    /// The templates, by their path below `templates/`.
    pub templates: BTreeMap<String, Arc<str>>,
    /// The data files, by path.
    pub data: BTreeMap<String, Node>,
    /// Whether every file could be read; otherwise most of what templates miss is not a mistake of its own.
    pub is_complete: bool,
}

impl Intent {
    /// Returns the data of a device; every value knows where it comes from.
    pub fn data_of(&self, device: &Device) -> Node {
        data::merged(device, &self.inventory, &self.data)
    }

    /// Returns the templates that would be the main one of a device, in the order in which they are tried.
    pub fn main_templates(device: &Device) -> Vec<String> {
        let mut paths = Vec::new();
        if let Some(role) = device.label("role") {
            paths.push(format!("{}/{role}/main.j2", device.platform));
        }
        paths.push(format!("{}/main.j2", device.platform));
        paths
    }

    /// Returns the main template of a device.
    pub fn main_template(&self, device: &Device) -> Option<String> {
        Self::main_templates(device).into_iter().find(|path| self.templates.contains_key(path))
    }
}

/// Reads everything that a revision asks for. Never fails: what cannot be read is a finding, and is left out.
pub fn load(snapshot: &Snapshot, platforms: &BTreeSet<PlatformName>) -> (Intent, Vec<Diagnostic>) {
    let mut findings = Vec::new();
    let (files, all_read) = yaml_files(snapshot, &mut findings);
    let settings_node = files.get(settings::PATH);
    if settings_node.is_none() && snapshot.text(settings::PATH).is_none() {
        let finding = Diagnostic::error("reconverge.yaml is missing, so this is not an intent repository").at(
            settings::PATH,
            0,
            0,
        );
        findings.push(finding.hint("run `reconverge init DIR` for a new repository, or add an empty reconverge.yaml"));
    }
    let settings: Settings = settings_node
        .filter(|node| !node.is_null())
        .and_then(|node| typed::read(node, &mut findings))
        .unwrap_or_default();
    if let Some(node) = settings_node {
        settings::check(&settings, node, &mut findings);
    }
    let credentials_node = settings_node.and_then(|node| node.get("credentials"));
    let credentials = inventory::load::credentials(&settings.credentials, credentials_node, &mut findings);
    let jump_hosts_node = settings_node.and_then(|node| node.get("jump_hosts"));
    let jump_hosts = inventory::access::jump_hosts(&settings.jump_hosts, jump_hosts_node, &credentials, &mut findings);
    let known = Known { platforms, credentials: &credentials, jump_hosts: &jump_hosts, logins: settings.logins };
    let inventory = inventory::load::load(&files, &known, &mut findings);
    let mut checks = Vec::new();
    let mut data = BTreeMap::new();
    for (path, root) in files {
        if path.starts_with(checks::FOLDER) {
            checks.extend(checks::load(&path, &root, &mut findings));
        } else if path.starts_with(data::FOLDER) {
            data::check(&path, &root, &mut findings);
            data.insert(path, root);
        }
    }
    let templates = snapshot
        .under(TEMPLATES_FOLDER)
        .map(|(path, text)| (path[TEMPLATES_FOLDER.len()..].to_owned(), Arc::from(text.replace("\r\n", "\n"))))
        .collect();
    let revision = snapshot.revision.clone();
    let intent = Intent { revision, settings, inventory, checks, templates, data, is_complete: all_read };
    findings::across(&intent, &mut findings);
    findings.sort();
    findings.dedup();
    (intent, findings)
}

/// Returns what each layer says about a key of a device, weakest first; without a key, where every value comes from.
/// An unknown device or key gives an empty list.
pub fn explain(intent: &Intent, device: &DeviceName, key: Option<&str>) -> Vec<Layer> {
    match intent.inventory.devices.get(device) {
        Some(device) => data::explain(device, &intent.inventory, &intent.data, key),
        None => Vec::new(),
    }
}

/// Returns the trees, and whether every file gave one.
fn yaml_files(snapshot: &Snapshot, findings: &mut Vec<Diagnostic>) -> (BTreeMap<String, Node>, bool) {
    let (mut files, mut all_read) = (BTreeMap::new(), true);
    for (path, text) in &snapshot.files {
        let ours =
            [inventory::load::FOLDER, data::FOLDER, checks::FOLDER].iter().any(|folder| path.starts_with(folder));
        if !ours && path != settings::PATH {
            continue;
        }
        let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        if !is_yaml {
            if !path.ends_with(".md") && !path.rsplit('/').next().is_some_and(|name| name.starts_with('.')) {
                let finding = Diagnostic::warning("this file is not read").at(path, 0, 0);
                findings.push(finding.hint("only files that end in .yaml are read here"));
            }
            continue;
        }
        if text.len() > FILE_BYTES_MAX {
            findings.push(Diagnostic::error(format!("the file is larger than {FILE_BYTES_MAX} bytes")).at(path, 0, 0));
            all_read = false;
            continue;
        }
        let (node, found) = yaml::parse(path, text);
        findings.extend(found);
        all_read &= node.is_some();
        files.extend(node.map(|node| (path.clone(), node)));
    }
    (files, all_read)
}
