//! `reconverge lab`: simulated devices over real SSH, to try things on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::super::online::serving::Interruption;
use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use crate::adapters::device::simulated::{DeviceSpec, Fault, NetworkOptions, SimulatedDevice, SimulatedNetwork};
use crate::adapters::secrets::SecretStore;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::intent::{self, Intent};
use crate::domain::inventory::Device;
use crate::domain::render::Renderer;
use crate::domain::secret::{Secret, unseal};
use crate::domain::snapshot::Snapshot;

/// Most devices of one lab; each has a port and a host key.
const DEVICES_MAX: u16 = 1000;
/// Most bytes of a file that describes a lab.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// In a fault file, the name that stands for every device.
const ALL: &str = "all";

/// Arguments of `lab`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reconverge lab --devices 3
  reconverge lab lab.yaml --faults faults.yaml
  reconverge lab --intended --repo examples/demo-network --secrets secrets

lab.yaml:
  user: admin                # the login of all devices, admin when it is not given
  password: admin
  devices:
    leaf1: {platform: arista_eos, port: 22011, config: leaf1.cfg}
    leaf2: {}                # arista_eos on any free port, with nothing but its name

faults.yaml:
  leaf1:                     # or `all`
    - {fault: reject, pattern: ^mtu, text: '% Invalid input', times: 1}")]
pub struct Args {
    /// Describes the devices.
    #[arg(conflicts_with_all = ["devices", "intended"], required_unless_present_any = ["devices", "intended"])]
    file: Option<PathBuf>,
    /// Starts so many devices, named sw1, sw2 and so on, on free ports.
    #[arg(long, value_name = "N", conflicts_with = "intended", value_parser = clap::value_parser!(u16).range(1..=i64::from(DEVICES_MAX)))]
    devices: Option<u16>,
    /// The platforms of these devices, one after the other and again from the first.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "arista_eos", requires = "devices")]
    platforms: Vec<String>,
    /// Starts every device of the intent repository, on its own port, with the configuration that is intended for it.
    #[arg(long)]
    intended: bool,
    /// How the devices misbehave.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

/// What people write into the file of a lab.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabFile {
    #[serde(default = "admin")]
    user: String,
    #[serde(default = "admin")]
    password: String,
    devices: BTreeMap<String, Option<LabDevice>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LabDevice {
    platform: Option<String>,
    /// TCP port on 127.0.0.1; any free one when it is not given.
    port: u16,
    /// A file with the configuration at the start, relative to the file of the lab.
    config: Option<PathBuf>,
}

fn admin() -> String {
    "admin".to_owned()
}

/// Runs the command until SIGTERM or SIGINT.
pub(in super::super) async fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let mut specs = match (&args.file, args.devices) {
        (Some(file), _) => described(file)?,
        (None, Some(count)) => numbered(count, &args.platforms),
        (None, None) => {
            let (snapshot, findings) = assemble::folder(&cli.repo).await?;
            intended(&snapshot, findings, &SecretStore::new(cli.state.secrets.clone())).await?
        }
    };
    if let Some(path) = &args.faults {
        misbehave(&mut specs, path)?;
    }
    let mut interruption = Interruption::listen()?;
    let network = SimulatedNetwork::start(specs, NetworkOptions::default()).await?;
    match cli.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&json(&network))?),
        Output::Text => print!("{}", table(&network)),
    }
    eprintln!("serving until Ctrl-C");
    interruption.wait().await;
    network.stop();
    eprintln!("stopped");
    Ok(Exit::Done)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    anyhow::ensure!(size <= FILE_BYTES_MAX, "{} has more than {FILE_BYTES_MAX} bytes", path.display());
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn described(path: &Path) -> anyhow::Result<Vec<DeviceSpec>> {
    let file: LabFile = serde_yaml::from_str(&text(path)?).with_context(|| path.display().to_string())?;
    if file.devices.is_empty() || file.devices.len() > usize::from(DEVICES_MAX) {
        bail!("{}: a lab has 1 to {DEVICES_MAX} devices", path.display());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut specs = Vec::new();
    for (name, device) in file.devices {
        let device = device.unwrap_or_default();
        let mut spec = spec(&name, device.platform.as_deref().unwrap_or("arista_eos"));
        if let Some(config) = device.config {
            spec = with_config(spec, text(&folder.join(config))?);
        }
        spec.user.clone_from(&file.user);
        spec.password = Some(Secret::new(file.password.clone()));
        spec.port = device.port;
        specs.push(spec);
    }
    Ok(specs)
}

fn numbered(count: u16, platforms: &[String]) -> Vec<DeviceSpec> {
    let names = (1..=count).map(|number| format!("sw{number}"));
    names.zip(platforms.iter().cycle()).map(|(name, platform)| spec(&name, platform)).collect()
}

fn spec(name: &str, platform: &str) -> DeviceSpec {
    // Whether the platform can be simulated is said when the network starts.
    DeviceSpec { platform: platform.to_owned(), ..DeviceSpec::arista_eos(name) }
}

/// A device with this configuration, and with the physical interfaces that it mentions.
fn with_config(mut spec: DeviceSpec, config: String) -> DeviceSpec {
    let named = config.lines().filter_map(|line| line.strip_prefix("interface "));
    for name in named.map(str::trim).filter(|name| name.starts_with("Ethernet") || name.starts_with("Management")) {
        let is_port = !name.contains('.') && !spec.interfaces.iter().any(|known| known == name);
        if is_port {
            spec.interfaces.push(name.to_owned());
        }
    }
    spec.config(config)
}

/// Returns the devices of an intent as they should be: in sync from the start.
pub(super) async fn intended(
    snapshot: &Snapshot,
    mut findings: Vec<Diagnostic>,
    secrets: &SecretStore,
) -> anyhow::Result<Vec<DeviceSpec>> {
    let (intent, more) = intent::load(snapshot, &assemble::platforms()?.into_keys().collect());
    findings.extend(more);
    if let Some(error) = findings.iter().find(|finding| finding.is_error()) {
        bail!("{error}");
    }
    let mut specs = Vec::new();
    for device in intent.inventory.devices.values() {
        specs.push(intended_device(&intent, device, secrets).await?);
    }
    anyhow::ensure!(!specs.is_empty(), "the repository has no devices");
    Ok(specs)
}

async fn intended_device(intent: &Intent, device: &Device, secrets: &SecretStore) -> anyhow::Result<DeviceSpec> {
    let config = Renderer::new(intent).render(&device.name);
    let config = config.map_err(|findings| {
        anyhow::Error::msg(findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let mut known = BTreeMap::new();
    for reference in config.references() {
        known.insert(reference.clone(), secrets.resolve(&reference).await?);
    }
    let config = unseal(&config.text, |reference| known.get(reference).cloned().context("an unknown secret"))?;
    let mut spec = with_config(spec(device.name.as_str(), device.platform.as_str()), config.expose().to_owned());
    spec.port = device.port;
    if let Some(credentials) = &device.credentials {
        spec.user.clone_from(&credentials.user);
        spec.password = match &credentials.password {
            Some(reference) => Some(secrets.resolve(reference).await?),
            None => None,
        };
    }
    Ok(spec)
}

/// Adds the faults of a file to the devices that it names.
pub(super) fn misbehave(specs: &mut [DeviceSpec], path: &Path) -> anyhow::Result<()> {
    let faults: BTreeMap<String, Vec<Fault>> =
        serde_yaml::from_str(&text(path)?).with_context(|| path.display().to_string())?;
    for (name, faults) in faults {
        let mut meant = 0;
        for spec in specs.iter_mut().filter(|spec| name == ALL || spec.name == name) {
            spec.faults.extend(faults.iter().cloned());
            meant += 1;
        }
        anyhow::ensure!(meant > 0, "{}: the lab has no device {name}", path.display());
    }
    Ok(())
}

/// One line about each device: how to reach it.
fn table(network: &SimulatedNetwork) -> String {
    let mut out = String::new();
    for device in network.devices() {
        let spec = device.spec();
        out.push_str(&format!("{:12} {:12} {:50} {}\n", spec.name, spec.platform, ssh(device), device.host_key()));
    }
    let mut logins: Vec<String> = network.devices().map(|device| login(device.spec())).collect();
    logins.sort();
    logins.dedup();
    if let [login] = logins.as_slice() {
        out.push_str(&format!("login: {login}\n"));
    }
    out
}

/// The command that a person would type. The host keys of a lab are new at every start, so none is remembered.
pub(super) fn ssh(device: &SimulatedDevice) -> String {
    format!("ssh -p {} {}@{}", device.port(), device.spec().user, device.address())
}

/// A password of a lab is no secret unless it comes from a secret store; only the well-known one is shown.
fn login(spec: &DeviceSpec) -> String {
    match &spec.password {
        Some(password) if password.expose() == "admin" => format!("{} / admin", spec.user),
        Some(_) => format!("{}, with the password that was given", spec.user),
        None => format!("{}, with a key", spec.user),
    }
}

fn json(network: &SimulatedNetwork) -> serde_json::Value {
    let device = |device: &SimulatedDevice| {
        serde_json::json!({
            "name": device.name(),
            "platform": device.spec().platform,
            "address": device.address(),
            "port": device.port(),
            "user": device.spec().user,
            "host_key": device.host_key(),
        })
    };
    serde_json::json!({ "devices": network.devices().map(device).collect::<Vec<_>>() })
}
