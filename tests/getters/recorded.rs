//! Recorded outputs of devices against the results that other drivers made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reconverge::domain::facts::page::{Page, Source, Way};
use reconverge::domain::facts::schema::MASKED;
use reconverge::domain::facts::{Arguments, FactError, Getter};
use serde_json::Value;

use crate::parsers::{Score, files_below, read};
use crate::support::conformance;

/// The folders of recordings and the pages that read them.
const DRIVERS: &[(&str, &str)] = &[
    ("napalm/eos", "arista_eos"),
    ("napalm/ios", "cisco_iosxe"),
    ("napalm/iosxr", "cisco_iosxr"),
    ("napalm/iosxr_netconf", "cisco_iosxr"),
    ("napalm/junos", "juniper_junos"),
    ("napalm/nxos", "cisco_nxos"),
    ("napalm/nxos_ssh", "cisco_nxos"),
    ("napalm-community/napalm-asa", "cisco_asa"),
    ("napalm-community/napalm-ce", "huawei_vrp"),
    ("napalm-community/napalm-huawei-vrp", "huawei_vrp"),
    ("napalm-community/napalm-panos", "paloalto_panos"),
    ("napalm-community/napalm-ros", "mikrotik_routeros"),
    ("napalm-community/napalm-srlinux", "nokia_srlinux"),
    ("napalm-community/napalm-sros", "nokia_sros"),
    ("napalm-community/napalm-vyos", "vyos"),
];

/// The arguments with which the recordings were made.
fn arguments(case: &str) -> Arguments {
    let pairs: &[(&str, &str)] = match case {
        "test_get_route_to" | "test_get_route_to_longer" => &[("destination", "1.0.4.0/24"), ("protocol", "bgp")],
        "test_get_arp_table_with_vrf" => &[("vrf", "TEST")],
        _ => &[],
    };
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn getter(case: &str) -> Option<Getter> {
    let name = case.strip_prefix("test_get_")?;
    name.trim_end_matches("_with_vrf").trim_end_matches("_longer").parse().ok()
}

#[test]
fn recorded_devices_give_the_expected_facts() {
    let Some(conformance) = conformance() else { return };
    let (mut listed, mut main) = (Score::default(), Score::default());
    for (folder, platform) in DRIVERS {
        let page = page(platform);
        for expected in files_below(&conformance.join(folder), "expected_result.json") {
            let case = expected.parent().unwrap();
            let test = case.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            let Some(getter) = getter(&test).filter(|getter| *getter != Getter::Vlans) else { continue };
            let result = page
                .as_ref()
                .ok_or_else(|| "no page for this platform".to_owned())
                .and_then(|page| check(page, getter, case, &arguments(&test)));
            let name = format!("{folder} {test} {}", case.file_name().unwrap().to_string_lossy());
            if folder.starts_with("napalm/") {
                main.add(&name, result.clone());
            }
            listed.add(&name, result);
        }
    }
    main.settle("device facts, drivers of NAPALM itself", 84.0);
    listed.settle("device facts, with the community drivers", 68.0);
}

/// Reads a page from the sources, so that an edited page needs no new program to be judged.
fn page(platform: &str) -> Option<Page> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/facts/pages").join(platform).with_extension("yaml");
    file.exists().then(|| Page::read(&read(&file)).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

#[test]
fn every_page_in_the_folder_is_in_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/facts/pages");
    let names: BTreeSet<String> = files_below(&folder, ".yaml")
        .iter()
        .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, Page::platforms().map(str::to_owned).collect());
}

/// A file name as the recordings have it: every sign that is no letter or digit is an underscore.
fn file_name(command: &str) -> String {
    command.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn recording(case: &Path, source: &Source, arguments: &Arguments) -> Option<String> {
    let fill = |text: &String| {
        arguments.iter().fold(text.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    let names: BTreeSet<String> =
        std::iter::once(&source.run).chain(&source.rpc).map(|name| file_name(&fill(name))).collect();
    let mut files = case.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let found = files.find(|file| {
        let stem = file.file_stem().unwrap().to_string_lossy();
        names.contains(&file_name(&stem)) && !stem.starts_with("expected")
    })?;
    // An answer that is an error is no answer.
    let text = read(&found);
    if text.contains("NXAPICommandError") { None } else { Some(text) }
}

fn check(page: &Page, getter: Getter, case: &Path, arguments: &Arguments) -> Result<(), String> {
    let ways = page.ways(getter).map_err(|error| error.to_string())?;
    let mut last = "no way".to_owned();
    for way in ways {
        match read_way(way, getter, case, arguments) {
            Ok(value) => {
                let expected: Value = serde_json::from_str(&read(&case.join("expected_result.json"))).unwrap();
                return same(&value, &expected, "").map_or(Ok(()), Err);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read_way(way: &Way, getter: Getter, case: &Path, arguments: &Arguments) -> Result<Value, String> {
    let outputs: BTreeMap<String, String> = way
        .commands
        .iter()
        .filter_map(|(name, source)| Some((name.clone(), recording(case, source, arguments)?)))
        .collect();
    way.read(getter, &outputs, arguments).map_err(|error: FactError| error.to_string())
}

/// Compares as the recordings mean it: numbers by value, passwords only by whether there is one. Returns the first difference.
fn same(ours: &Value, theirs: &Value, at: &str) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{name}");
                match (ours.get(name), theirs.get(name)) {
                    (Some(ours), Some(theirs)) => same(ours, theirs, &at),
                    (None, Some(_)) => Some(format!("{at} is missing")),
                    _ => Some(format!("{at} is too much")),
                }
            })
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => ours
            .iter()
            .zip(theirs)
            .enumerate()
            .find_map(|(index, (ours, theirs))| same(ours, theirs, &format!("{at}/{index}"))),
        (Value::Number(ours), Value::Number(theirs)) if ours.as_f64() == theirs.as_f64() => None,
        (Value::String(ours), Value::String(theirs)) if ours == MASKED && !theirs.is_empty() => None,
        // What another driver writes for an interface without an address.
        (Value::String(ours), Value::String(theirs))
            if ours.is_empty() && at.ends_with("/mac_address") && (theirs == "None" || theirs == "Unspecified") =>
        {
            None
        }
        (ours, theirs) if ours == theirs => None,
        (ours, theirs) => Some(format!("{at}: {ours} instead of {theirs}")),
    }
}
