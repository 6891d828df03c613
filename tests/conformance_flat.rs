//! Cases of other projects for platforms with paths, items and documents. They stay in the folder RECONVERGE_CONFORMANCE.
//!
//! Each test prints its figure and fails below the floor that was reached; `docs/conformance-flat.md` explains the misses.

use std::collections::BTreeMap;
use std::path::Path;

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::ConfigTree;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::laws_flat::{check, dialect};
use crate::support::conformance;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn commands(dialect: &Dialect, running: &str, intended: &str) -> Vec<String> {
    let remediation = dialect.remediate(&dialect.parse(running), &dialect.parse(intended), &Scope::Replace);
    assert_eq!(remediation.unproved, [""; 0], "unproved lines");
    dialect.commands_text(&remediation).lines().map(str::to_owned).collect()
}

/// Prints a figure and holds it above its floor, in percent.
fn figure(name: &str, misses: &[String], all: usize, floor: usize) {
    let right = all - misses.len();
    println!("{name}: {right} of {all}");
    for miss in misses {
        println!("  {name}: {miss}");
    }
    assert!(all > 0 && right * 100 >= all * floor, "{name}: {right} of {all} is below {floor} %: {misses:#?}");
}

#[derive(Debug, Deserialize)]
struct Vector {
    op: String,
    platform: String,
    #[serde(default)]
    running: Vec<(usize, String)>,
    #[serde(default)]
    target: Vec<(usize, String)>,
    #[serde(default)]
    change: Vec<(usize, String)>,
    #[serde(default)]
    delta: Vec<(usize, String)>,
    #[serde(default)]
    result: Vec<(usize, String)>,
    #[serde(default)]
    test: String,
}

fn text(lines: &[(usize, String)]) -> String {
    lines.iter().map(|(_, line)| format!("{line}\n")).collect()
}

fn flat_platform(name: &str) -> Option<&'static str> {
    match name {
        "JUNIPER_JUNOS" => Some("juniper_junos"),
        "NOKIA_SRL" => Some("nokia_srlinux"),
        "VYOS" => Some("vyos"),
        _ => None,
    }
}

/// Recorded remediations of hier_config: the same commands, in the same order.
#[test]
fn hier_config_remediations() {
    let Some(root) = conformance() else { return };
    let (mut all, mut misses) = (0, Vec::new());
    for line in read(&root.join("hier_config/vectors.jsonl")).lines() {
        let vector: Vector = match serde_json::from_str(line) {
            Ok(vector) => vector,
            Err(_) => continue,
        };
        let Some(platform) = flat_platform(&vector.platform).filter(|_| vector.op == "config_to_get_to") else {
            continue;
        };
        all += 1;
        let got = commands(&dialect(platform), &text(&vector.running), &text(&vector.target));
        let wanted: Vec<String> = vector.delta.into_iter().map(|(_, line)| line).collect();
        if got != wanted {
            misses.push(format!("{}: got {got:?}, recorded {wanted:?}", vector.test));
        }
    }
    figure("hier_config remediations, flat", &misses, all, 95);
}

/// Recorded predictions of hier_config. On these platforms its tree keeps every `delete` that was typed as a line, and the
/// line that it deletes; a device does neither. Both are left out of the recorded result before it is compared.
#[test]
fn hier_config_predictions() {
    let Some(root) = conformance() else { return };
    let (mut all, mut misses) = (0, Vec::new());
    for line in read(&root.join("hier_config/vectors.jsonl")).lines() {
        let vector: Vector = match serde_json::from_str(line) {
            Ok(vector) => vector,
            Err(_) => continue,
        };
        let Some(platform) = flat_platform(&vector.platform).filter(|_| vector.op == "future") else { continue };
        all += 1;
        let dialect = dialect(platform);
        let change = dialect.parse_commands(&text(&vector.change));
        let got = dialect.predict(&dialect.parse(&text(&vector.running)), &change);
        let deleted: Vec<String> = vector
            .change
            .iter()
            .filter_map(|(_, line)| line.strip_prefix("delete ").map(|path| format!("set {path}")))
            .collect();
        let kept = vector.result.iter().map(|(_, line)| line).filter(|line| !line.starts_with("delete "));
        let wanted: String = kept.filter(|line| !deleted.contains(line)).map(|line| format!("{line}\n")).collect();
        if !dialect.same(&got, &dialect.parse(&wanted)) {
            misses.push(format!("{}: got {}, recorded {wanted}", vector.test, dialect.print(&got)));
        }
    }
    figure("hier_config predictions, flat", &misses, all, 95);
}

#[derive(Debug, Deserialize)]
struct PatchCase {
    vendor: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
    diff: Option<String>,
    #[serde(default)]
    patch: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PatchFile {
    Many(Vec<PatchCase>),
    One(PatchCase),
}

/// Turns lines with a sign behind the indentation into both sides.
fn sides(diff: &str) -> (String, String) {
    let side = |own: &str| -> String {
        diff.lines()
            .filter_map(|line| {
                let indent = &line[..line.len() - line.trim_start().len()];
                match line.trim_start().split_at_checked(2) {
                    Some((sign @ ("+ " | "- "), rest)) => (sign == own).then(|| format!("{indent}{rest}\n")),
                    _ => Some(format!("{line}\n")),
                }
            })
            .collect()
    };
    (side("- "), side("+ "))
}

/// annet's patches: the same commands in any order, without the words that open and close a session.
#[test]
fn annet_patches() {
    let Some(root) = conformance() else { return };
    let (mut all, mut misses) = (0, Vec::new());
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("annet/test_patch")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let Ok(cases) = serde_yaml::from_str::<PatchFile>(&read(&file)) else { continue };
        let cases = match cases {
            PatchFile::Many(cases) => cases,
            PatchFile::One(case) => vec![case],
        };
        for (index, case) in cases.into_iter().enumerate() {
            let platform = match case.vendor.to_lowercase().as_str() {
                "juniper" | "ribbon" => "juniper_junos",
                "nokia" => "nokia_sros",
                "routeros" => "mikrotik_routeros",
                _ => continue,
            };
            all += 1;
            let (before, after) = case.diff.as_deref().map_or((case.before, case.after), sides);
            let mut got = commands(&dialect(platform), &before, &after);
            let framing = ["configure exclusive", "configure private", "commit", "exit", ""];
            let mut wanted: Vec<String> =
                case.patch.lines().map(str::trim).filter(|line| !framing.contains(line)).map(str::to_owned).collect();
            got.sort();
            wanted.sort();
            if got != wanted {
                misses.push(format!("{} #{index}: got {got:?}, theirs {wanted:?}", file.display()));
            }
        }
    }
    figure("annet patches, flat", &misses, all, 90);
}

#[derive(Debug, Deserialize)]
struct SonicCase {
    current_config: Value,
    patch: Vec<Step>,
    #[serde(default)]
    expected_changes: Vec<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Step {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

/// Applies a patch (RFC 6902), written again here so that the test does not trust what it tests.
fn apply(document: &mut Value, step: &Step) {
    let (parent, last) = step.path.rsplit_once('/').expect("a pointer");
    let last = last.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent} for {step:?}")) {
        Value::Object(members) if step.op == "remove" => drop(members.remove(&last).expect("something to remove")),
        Value::Object(members) => drop(members.insert(last, step.value.clone())),
        Value::Array(items) => {
            let at: usize = last.parse().expect("an index");
            match step.op.as_str() {
                "remove" => drop(items.remove(at)),
                "add" => items.insert(at, step.value.clone()),
                _ => items[at] = step.value.clone(),
            }
        }
        other => panic!("{step:?} into {other}"),
    }
}

/// A document without tables that hold nothing.
fn filled(document: &Value) -> Map<String, Value> {
    let mut members = document.as_object().cloned().unwrap_or_default();
    members.retain(|_, table| *table != Value::Object(Map::new()));
    members
}

/// SONiC's own sorted patches: ours lead to the same configuration, always; the same steps, mostly.
#[test]
fn sonic_patches() {
    let Some(root) = conformance() else { return };
    let cases: BTreeMap<String, SonicCase> =
        serde_json::from_str(&read(&root.join("sonic/gcu_files/patch_sorter_test_success.json"))).unwrap();
    let dialect = dialect("sonic");
    let (mut wrong, mut others) = (Vec::new(), Vec::new());
    for (name, case) in &cases {
        let mut wanted = case.current_config.clone();
        case.patch.iter().for_each(|step| apply(&mut wanted, step));
        let steps = commands(&dialect, &case.current_config.to_string(), &wanted.to_string()).join("\n");
        let steps: Vec<Step> = if steps.is_empty() { Vec::new() } else { serde_json::from_str(&steps).unwrap() };
        let mut got = case.current_config.clone();
        steps.iter().for_each(|step| apply(&mut got, step));
        if filled(&got) != filled(&wanted) {
            wrong.push(name.clone());
        }
        let key = |steps: &[Step]| {
            let mut texts: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            texts.sort();
            texts
        };
        let theirs: Vec<Step> = case.expected_changes.concat();
        if key(&theirs) != key(&steps) {
            others.push(format!("{name}: {} steps, theirs {}", steps.len(), theirs.len()));
        }
    }
    figure("sonic configurations reached", &wrong, cases.len(), 100);
    figure("sonic steps as theirs", &others, cases.len(), 80);
}

/// Configurations of real devices: reading, printing and all laws between every two of one platform.
#[test]
fn real_configurations_keep_the_laws() {
    let Some(root) = conformance() else { return };
    let community = root.join("napalm-community");
    let corpora: [(&str, Vec<std::path::PathBuf>); 4] = [
        (
            "juniper_junos",
            [
                "napalm/junos/junos/initial.conf",
                "napalm/junos/junos/new_good.conf",
                "napalm/junos/junos/merge_good.conf",
                "hier_config/fixtures/running_config_junos.conf",
                "hier_config/fixtures/generated_config_junos.conf",
                "oxidized/data/junos#srx300_22.4_wo_cluster#output.txt",
            ]
            .iter()
            .map(|path| root.join(path))
            .collect(),
        ),
        (
            "vyos",
            [
                "test_get_snmp_information/normal/show_configuration.text",
                "test_get_users/normal/show_configuration_commands.text",
            ]
            .iter()
            .map(|path| community.join("napalm-vyos/test/unit/mocked_data").join(path))
            .collect(),
        ),
        (
            "nokia_sros",
            ["initial.conf", "new_good.conf", "merge_good.conf"]
                .iter()
                .map(|path| community.join("napalm-sros/test/unit/sros").join(path))
                .collect(),
        ),
        (
            "mikrotik_routeros",
            ["routeros#CHR_7.16#output.txt", "routeros#RB5009UPr+S+_7.18.2#output.txt"]
                .iter()
                .map(|path| root.join("oxidized/data").join(path))
                .collect(),
        ),
    ];
    let (mut all, mut misses) = (0, Vec::new());
    for (platform, paths) in corpora {
        let dialect = dialect(platform);
        let mut trees: Vec<ConfigTree> = paths.iter().map(|path| dialect.parse(&read(path))).collect();
        assert!(trees.iter().all(|tree| tree.count() > 3), "{platform}: something was not read");
        trees.push(ConfigTree::default());
        for running in &trees {
            for intended in &trees {
                all += 1;
                if let Err(error) = check(&dialect, running, intended) {
                    misses.push(format!("{platform}: {error}"));
                }
            }
        }
    }
    figure("laws on real configurations, pairs", &misses, all, 100);
}

/// The same configuration of a real VyOS router, read from blocks and from lines, differs only in what the lines leave out.
#[test]
fn vyos_blocks_and_lines() {
    let Some(root) = conformance() else { return };
    let folder = root.join("napalm-community/napalm-vyos/test/unit/mocked_data");
    let blocks = read(&folder.join("test_get_snmp_information/normal/show_configuration.text"));
    let lines = read(&folder.join("test_get_users/normal/show_configuration_commands.text"));
    let got = commands(&dialect("vyos"), &blocks, &lines);
    assert_eq!(got.len(), 6, "{got:?}");
    assert!(
        got.iter().all(|line| ["duplex", "speed", "smp_affinity"].iter().any(|word| line.contains(word))),
        "{got:?}"
    );
}
