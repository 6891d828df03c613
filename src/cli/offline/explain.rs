//! `reconverge explain`: the chain of files and lines behind each value of a device.

use std::collections::BTreeSet;

use anyhow::bail;
use serde_json::{Value, json};

use super::super::outcome::Exit;
use super::super::{Cli, Output};
use super::{Repository, tell};
use crate::domain::diagnostic::any_error;
use crate::domain::intent::{self, Layer, TEMPLATES_FOLDER};
use crate::domain::inventory::Device;
use crate::domain::name::GroupName;
use crate::domain::secret::{MASK, SecretRef};
use crate::domain::yaml::suggest;
use crate::domain::yaml::typed::is_secret_key;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge explain r1\n  reconverge explain r1 bgp.timers.hold\n\n\
    Layers stand in order, the weakest first; `*` marks what the device gets.")]
pub struct Args {
    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,
    /// One key, `bgp.timers` or `vlans[0].name`; without it all values with the place that wins.
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

/// Runs the command. It works on a broken repository too, says so, and fails then.
pub(in super::super) fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let repository = Repository::open(cli)?;
    let errors: Vec<_> = repository.findings.iter().filter(|finding| finding.is_error()).cloned().collect();
    tell(&errors);
    let device = repository.device(&args.device)?;
    let key = args.key.as_deref().filter(|key| !key.is_empty());
    let mut layers = intent::explain(&repository.intent, &device.name, key);
    if let (true, Some(key)) = (layers.is_empty(), key) {
        let known = keys(&intent::explain(&repository.intent, &device.name, None));
        let hint = suggest::hint(key, known.iter().map(String::as_str));
        bail!("the device {} has no value {key:?} ({hint})", device.name);
    }
    for layer in &mut layers {
        layer.value = masked(&layer.key, &layer.value);
    }
    match (cli.output, key) {
        (Output::Json, _) => print_json(&repository, device, key, &layers)?,
        (Output::Text, Some(key)) => {
            println!("{key} of {}, the weakest layer first:", device.name);
            print_layers(&layers);
        }
        (Output::Text, None) => {
            println!("{}: {}", device.name, about(&repository, device).join(", "));
            print_values(&layers);
        }
    }
    Ok(if any_error(&errors) { Exit::Failed } else { Exit::Done })
}

/// What the inventory says about the device.
fn about(repository: &Repository, device: &Device) -> Vec<String> {
    let groups: Vec<&str> = device.groups.iter().map(GroupName::as_str).collect();
    let template = repository.intent.main_template(device);
    vec![
        format!("platform {}", device.platform),
        format!("groups {}", if groups.is_empty() { "none".to_owned() } else { groups.join(" < ") }),
        template.map_or_else(|| "no template".to_owned(), |path| format!("template {TEMPLATES_FOLDER}{path}")),
        format!("written in {}:{}", device.mark.file, device.mark.line),
    ]
}

fn print_layers(layers: &[Layer]) {
    let places: Vec<String> = layers.iter().map(place).collect();
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let place_width = widest(&mut places.iter().map(|place| place.chars().count()));
    let layer_width = widest(&mut layers.iter().map(|layer| layer.layer.chars().count()));
    for (layer, place) in layers.iter().zip(&places) {
        let mark = if layer.wins { '*' } else { ' ' };
        println!("{mark} {place:place_width$}  {:layer_width$}  {}", layer.layer, layer.value);
    }
}

fn print_values(layers: &[Layer]) {
    let lines: Vec<String> = layers.iter().map(|layer| format!("{} = {}", layer.key, layer.value)).collect();
    // A long value does not push the places of all others out of sight.
    let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    for (layer, line) in layers.iter().zip(&lines) {
        println!("{line:width$}  {} ({})", place(layer), layer.layer);
    }
}

fn place(layer: &Layer) -> String {
    format!("{}:{}:{}", layer.place.path, layer.place.line, layer.place.column)
}

fn print_json(repository: &Repository, device: &Device, key: Option<&str>, layers: &[Layer]) -> anyhow::Result<()> {
    let layers = layers.iter().map(|layer| {
        json!({"key": layer.key, "layer": layer.layer, "place": layer.place, "value": layer.value, "wins": layer.wins})
    });
    let value = json!({
        "device": device.name,
        "platform": device.platform,
        "groups": device.groups,
        "template": repository.intent.main_template(device).map(|path| format!("{TEMPLATES_FOLDER}{path}")),
        "place": device.mark.place(),
        "key": key,
        "layers": layers.collect::<Vec<Value>>(),
        "findings": repository.findings,
    });
    println!("{}", serde_json::to_string_pretty(&value)?);
    Ok(())
}

/// Returns every key and the beginnings of every key.
fn keys(leaves: &[Layer]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for leaf in leaves {
        let ends = leaf.key.match_indices(['.', '[']).map(|(at, _)| at).chain([leaf.key.len()]);
        keys.extend(ends.map(|end| leaf.key[..end].to_owned()));
    }
    keys
}

/// Masks what should have been a reference to a secret.
fn masked(key: &str, value: &Value) -> Value {
    let last = key.rsplit('.').next().unwrap_or(key);
    let last = last.split('[').next().unwrap_or(last);
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), masked(key, value))).collect(),
        Value::Array(values) => values.iter().map(|value| masked(key, value)).collect(),
        Value::String(text) if text.parse::<SecretRef>().is_ok() => value.clone(),
        Value::String(text) if is_secret_key(last) || text.contains("PRIVATE KEY-----") => json!(MASK),
        Value::Number(_) if is_secret_key(last) => json!(MASK),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
    }
}
