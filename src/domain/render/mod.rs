//! From an intent to the intended configuration of a device: pure, bounded and deterministic.

mod address;
mod collections;
mod environment;
mod failure;
pub mod provenance;
mod source;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use minijinja::Environment;
use minijinja::value::{Serde, Value};

use super::checks::Check;
use super::diagnostic::Diagnostic;
use super::intent::{Intent, TEMPLATES_FOLDER, data};
use super::inventory::Device;
use super::limits::TEMPLATE_OUTPUT_BYTES_MAX;
use super::name::DeviceName;
use super::secret::{self, SecretRef};
use super::snapshot::Digest;
use super::yaml::Node;

/// Most devices that one finding names.
const NAMES_SHOWN_MAX: usize = 5;

/// What a device's configuration should be. Secrets are placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntendedConfig {
    /// The text, in the platform's own syntax; ends with one line break.
    pub text: String,
}

impl IntendedConfig {
    /// Returns the hash of the text.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }

    /// Returns the secrets that the text needs.
    pub fn references(&self) -> BTreeSet<SecretRef> {
        secret::references(&self.text)
    }
}

/// What a device's configuration was made from. A path that ends with `/` stands for everything below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// Paths inside the repository; they need not exist (yet).
    pub paths: BTreeSet<String>,
}

impl Dependencies {
    /// Tells whether a change of that path could change the configuration.
    pub fn contains(&self, path: &str) -> bool {
        self.paths.contains(path) || self.paths.iter().any(|own| own.ends_with('/') && path.starts_with(own.as_str()))
    }
}

/// Renders the devices of one intent; the templates are compiled once.
pub struct Renderer<'i> {
    intent: &'i Intent,
    env: Environment<'static>,
    inventory: Value,
    findings: Vec<Diagnostic>,
}

impl<'i> Renderer<'i> {
    /// Compiles the templates.
    pub fn new(intent: &'i Intent) -> Self {
        Self::with_sources(intent, |_, source| source.to_owned())
    }

    /// Compiles the templates after the function changed their sources.
    fn with_sources(intent: &'i Intent, change: impl Fn(&str, &str) -> String) -> Self {
        let mut env = environment::environment();
        let mut findings = Vec::new();
        for (path, source) in &intent.templates {
            if let Some(line) = source::autoescape_line(source) {
                let finding = Diagnostic::error("the tag autoescape has no meaning in configs");
                findings.push(at_template(finding, path, line).hint("remove it"));
            }
            if let Err(error) = env.add_template_owned(path.clone(), change(path, source)) {
                findings.push(failure::diagnostic(intent, None, &error));
            }
        }
        let looks_around = intent.templates.values().any(|source| source.contains("inventory"));
        let inventory = if looks_around { inventory(intent) } else { Value::UNDEFINED };
        Self { intent, env, inventory, findings }
    }

    /// Returns the templates that cannot be compiled.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// Renders one device.
    ///
    /// # Errors
    /// Everything that keeps the device from having a configuration: no template, an undefined variable, a value that
    /// would break out of its line, a limit.
    pub fn render(&self, name: &DeviceName) -> Result<IntendedConfig, Vec<Diagnostic>> {
        let (device, path) = self.main(name).map_err(|finding| vec![finding])?;
        let used = source::uses(&path, &self.intent.templates);
        let broken: Vec<Diagnostic> = self.findings.iter().filter(|f| concerns(f, &used)).cloned().collect();
        if !broken.is_empty() {
            return Err(broken.into_iter().map(|finding| finding.on(name)).collect());
        }
        let data = self.intent.data_of(device);
        let text = self.output(device, &path, &data).map_err(|finding| vec![finding])?;
        let text = text.trim_end_matches('\n');
        match text.is_empty() {
            true => Err(vec![at_template(Diagnostic::error("the template gives an empty config"), &path, 0).on(name)]),
            false => Ok(IntendedConfig { text: format!("{text}\n") }),
        }
    }

    /// Returns the checks of a device, with the expressions over its data filled in.
    ///
    /// # Errors
    /// Every check that cannot be filled in.
    pub fn checks(&self, name: &DeviceName) -> Result<Vec<Check>, Vec<Diagnostic>> {
        let Some(device) = self.intent.inventory.devices.get(name) else { return Err(vec![no_device(name)]) };
        let mut context: Option<Value> = None;
        let (mut checks, mut findings) = (Vec::new(), Vec::new());
        for check in self.intent.checks.iter().filter(|check| check.select.matches(device)) {
            let filled = check.fill(&mut |text| {
                if !text.contains("{{") && !text.contains("{%") {
                    return Ok(text.to_owned());
                }
                let context = context.get_or_insert_with(|| self.context(device, &self.intent.data_of(device)));
                let rendered = self.env.render_str(text, context.clone());
                rendered.map_err(|error| check.mark.on(failure::of_text(&error, &check.name)))
            });
            match filled {
                Ok(check) => checks.push(check),
                Err(finding) => findings.push(finding.on(name)),
            }
        }
        if findings.is_empty() { Ok(checks) } else { Err(findings) }
    }

    /// Returns what the configuration of a device is made from; more than needed when a template computes names.
    pub fn dependencies(&self, name: &DeviceName) -> Option<Dependencies> {
        let device = self.intent.inventory.devices.get(name)?;
        let mut paths: BTreeSet<String> = data::layer_paths(device).into_iter().map(|(_, path)| path).collect();
        // Labels, groups and the platform of the device itself.
        paths.insert("inventory/".to_owned());
        let mains = Intent::main_templates(device);
        let chosen = self.intent.main_template(device);
        for path in mains {
            let is_last = Some(&path) == chosen.as_ref();
            let used = source::uses(&path, &self.intent.templates);
            paths.extend(used.templates.iter().map(|path| format!("{TEMPLATES_FOLDER}{path}")));
            if used.any_template {
                paths.insert(TEMPLATES_FOLDER.to_owned());
            }
            if used.inventory {
                paths.insert(data::FOLDER.to_owned());
            }
            if is_last {
                break;
            }
        }
        Some(Dependencies { paths })
    }

    fn main(&self, name: &DeviceName) -> Result<(&'i Device, String), Diagnostic> {
        let device = self.intent.inventory.devices.get(name).ok_or_else(|| no_device(name))?;
        let path = self.intent.main_template(device).ok_or_else(|| {
            let tried = Intent::main_templates(device).join(", ");
            let finding = Diagnostic::error(format!("the device {name} has no template")).on(name);
            device.mark.on(finding.hint(format!("tried {tried} below {TEMPLATES_FOLDER}")))
        })?;
        Ok((device, path))
    }

    fn output(&self, device: &Device, path: &str, data: &Node) -> Result<String, Diagnostic> {
        let context = self.context(device, data);
        let mut output = Bounded { bytes: Vec::new(), is_full: false };
        let rendered = self
            .env
            .get_template(path)
            .and_then(|template| template.render_captured_to(context, &mut output).map(|_| ()));
        if output.is_full {
            let finding = Diagnostic::error(format!("the config is larger than {TEMPLATE_OUTPUT_BYTES_MAX} bytes"));
            return Err(at_template(finding, path, 0).on(&device.name).hint("the limit is template_output_bytes_max"));
        }
        rendered.map_err(|error| failure::diagnostic(self.intent, Some((device, data)), &error))?;
        String::from_utf8(output.bytes)
            .map_err(|_| at_template(Diagnostic::error("the config is not UTF-8"), path, 0).on(&device.name))
    }

    fn context(&self, device: &Device, data: &Node) -> Value {
        let pairs =
            data.entries().iter().map(|entry| (entry.key.to_string(), Value::from(Serde(entry.value.to_json()))));
        let ours = [("device".to_owned(), about(device)), ("inventory".to_owned(), self.inventory.clone())];
        Value::from_pairs(pairs.chain(ours))
    }
}

/// Renders one device.
///
/// # Errors
/// See [`Renderer::render`]. For many devices make one [`Renderer`].
pub fn render(intent: &Intent, name: &DeviceName) -> Result<IntendedConfig, Vec<Diagnostic>> {
    Renderer::new(intent).render(name)
}

/// Renders every device.
pub fn render_all(intent: &Intent) -> BTreeMap<DeviceName, Result<IntendedConfig, Vec<Diagnostic>>> {
    let renderer = Renderer::new(intent);
    intent.inventory.devices.keys().map(|name| (name.clone(), renderer.render(name))).collect()
}

/// Returns everything that keeps templates and checks from working. What several devices have in common is said once.
pub fn validate(intent: &Intent) -> Vec<Diagnostic> {
    let renderer = Renderer::new(intent);
    let mut findings = renderer.findings.clone();
    if !intent.is_complete {
        return findings;
    }
    let mut same: BTreeMap<Diagnostic, Vec<&DeviceName>> = BTreeMap::new();
    for name in intent.inventory.devices.keys() {
        // What is wrong with a template itself is said once; `load` says when there is none.
        let of_device = renderer.main(name).is_ok().then(|| renderer.render(name).err()).flatten().unwrap_or_default();
        let of_device = of_device.into_iter().filter(|finding| !is_said(finding, &renderer.findings));
        for finding in of_device.chain(renderer.checks(name).err().unwrap_or_default()) {
            same.entry(Diagnostic { device: None, hint: None, ..finding.clone() }).or_default().push(name);
            findings.push(finding);
        }
    }
    findings.retain_mut(|finding| {
        let key = Diagnostic { device: None, hint: None, ..finding.clone() };
        let Some(devices) = same.get(&key).filter(|devices| devices.len() > 1) else { return true };
        let is_first = finding.device.as_ref() == devices.first().copied();
        let names: Vec<&str> = devices.iter().take(NAMES_SHOWN_MAX).map(|name| name.as_str()).collect();
        let more = if devices.len() > NAMES_SHOWN_MAX { ", …" } else { "" };
        finding.message.push_str(&format!(" for {} devices: {}{more}", devices.len(), names.join(", ")));
        finding.device = None;
        is_first
    });
    findings.sort();
    findings.dedup();
    findings
}

fn is_said(finding: &Diagnostic, said: &[Diagnostic]) -> bool {
    said.iter().any(|other| other.place == finding.place && other.message == finding.message)
}

fn concerns(finding: &Diagnostic, used: &source::Uses) -> bool {
    let path = finding.place.as_ref().and_then(|place| place.path.strip_prefix(TEMPLATES_FOLDER));
    path.is_some_and(|path| used.templates.contains(path))
}

fn no_device(name: &DeviceName) -> Diagnostic {
    Diagnostic::error(format!("the device {name} is not in the inventory")).on(name)
}

fn at_template(finding: Diagnostic, path: &str, line: usize) -> Diagnostic {
    finding.at(&format!("{TEMPLATES_FOLDER}{path}"), u32::try_from(line).unwrap_or(0), u32::from(line > 0))
}

/// What templates see of a device.
fn about(device: &Device) -> Value {
    let labels = Value::from_pairs(device.labels.iter().map(|(key, value)| (key.as_str(), Value::from(value))));
    let groups: Value = device.groups.iter().map(|group| Value::from(group.as_str())).collect();
    Value::from_pairs([
        ("name", Value::from(device.name.as_str())),
        ("platform", Value::from(device.platform.as_str())),
        ("address", Value::from(device.address.as_str())),
        ("port", Value::from(device.port)),
        ("labels", labels),
        ("groups", groups),
    ])
}

/// What templates see of all devices: `inventory.devices`, a map by name, each with its `data`.
fn inventory(intent: &Intent) -> Value {
    let devices = intent.inventory.devices.values().map(|device| {
        let facts = about(device);
        let data = Value::from(Serde(intent.data_of(device).to_json()));
        let keys = ["name", "platform", "address", "port", "labels", "groups"];
        let pairs = keys.into_iter().map(|key| (key, facts.get_attr(key).unwrap_or_default()));
        (device.name.as_str(), Value::from_pairs(pairs.chain([("data", data)])))
    });
    Value::from_pairs([("devices", Value::from_pairs(devices))])
}

/// An output that ends at its bound.
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > TEMPLATE_OUTPUT_BYTES_MAX {
            self.is_full = true;
            return Err(io::Error::other("the output is full"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
