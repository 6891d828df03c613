//! Repositories, good and bad: what loading and rendering says about them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reconverge::domain::diagnostic::{Diagnostic, any_error};
use reconverge::domain::intent::{self, Intent};
use reconverge::domain::name::{DeviceName, PlatformName};
use reconverge::domain::revision::Revision;
use reconverge::domain::snapshot::Snapshot;
use reconverge::domain::{checks, render};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn platforms() -> BTreeSet<PlatformName> {
    ["frr", "arista_eos"].iter().map(|name| name.parse().expect("a name")).collect()
}

pub(crate) fn snapshot(files: impl IntoIterator<Item = (String, String)>) -> Snapshot {
    let files = files.into_iter().map(|(path, text)| (path, Arc::from(text))).collect();
    Snapshot { revision: Revision::folder(), files }
}

fn folder(path: &Path) -> BTreeMap<String, String> {
    fn walk(base: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
        let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(base, &path, files);
            } else {
                let name = path.strip_prefix(base).expect("below the folder").to_string_lossy().into_owned();
                files.insert(name, std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(path, path, &mut files);
    files
}

fn template() -> BTreeMap<String, String> {
    folder(&root().join("intent-repo-template"))
}

fn load(files: &BTreeMap<String, String>) -> (Intent, Vec<Diagnostic>) {
    intent::load(&snapshot(files.clone()), &platforms())
}

fn name(text: &str) -> DeviceName {
    text.parse().expect("a name")
}

fn texts(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// The lines that mean something: without what a device prints around its configuration.
fn meaningful(config: &str) -> Vec<&str> {
    let noise = ["Building configuration...", "Current configuration:", "frr version", "! Command:", "! device:"];
    config
        .lines()
        .filter(|line| !line.is_empty() && *line != "!" && !noise.iter().any(|n| line.starts_with(n)))
        .collect()
}

#[test]
fn the_template_is_clean_and_differs_from_running_in_one_line() {
    let files = template();
    let (intent, findings) = load(&files);
    assert_eq!(texts(&findings), Vec::<String>::new());
    assert_eq!(texts(&render::validate(&intent)), Vec::<String>::new());
    let mut differing = Vec::new();
    for (device, config) in render::render_all(&intent) {
        let config = config.expect("a config").text;
        let running = &files[&format!("running/{device}.cfg")];
        let (intended, running) = (meaningful(&config), meaningful(running));
        assert_eq!(intended.len(), running.len(), "{device}:\n{config}");
        for (ours, theirs) in intended.iter().zip(&running) {
            if ours != theirs {
                differing.push(format!("{device}: {theirs} -> {ours}"));
            }
        }
    }
    assert_eq!(differing, ["r2:  description to r3 (moved by hand) ->  description to r3"]);
}

#[test]
fn checks_know_the_data_of_the_device() {
    let (intent, _) = load(&template());
    let found = render::Renderer::new(&intent).checks(&name("r1")).expect("checks");
    assert_eq!(found.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), ["bgp-established-frr"]);
    let output = "  BGP state = Established, up for 00:00:05\n  BGP state = Active\n";
    let result = checks::evaluate(&found[0], output);
    assert!(!result.passed && result.why.contains("1 times in the output, not exactly 2"), "{result}");
    assert!(checks::evaluate(&found[0], &output.replace("Active", "Established")).passed);
}

#[test]
fn explain_names_every_layer() {
    let (intent, _) = load(&template());
    let layers = intent::explain(&intent, &name("r1"), Some("bgp.timers.hold"));
    let shown: Vec<String> = layers
        .iter()
        .map(|l| format!("{} {}:{} {} {}", l.layer, l.place.path, l.place.line, l.value, l.wins))
        .collect();
    assert_eq!(shown, ["global data/global.yaml:7 30 false", "site ams data/site/ams.yaml:3 3 true"]);
    // Elements of a joined list are followed by their id, not by their position.
    let vlans = intent::explain(&intent, &name("leaf2"), Some("vlans[1].name"));
    let shown: Vec<_> = vlans.iter().map(|l| (l.layer.as_str(), l.place.line, l.wins)).collect();
    assert_eq!(shown, [("site fra", 5, false), ("device leaf2", 8, true)]);
    let winners = intent::explain(&intent, &name("leaf2"), None);
    let winner = winners.iter().find(|l| l.key == "vlans[1].name").expect("a leaf");
    assert_eq!(
        (winner.place.path.as_str(), winner.value.as_str()),
        ("data/device/leaf2.yaml", Some("printers-and-scanners"))
    );
    assert_eq!(intent::explain(&intent, &name("r9"), None), Vec::new());
}

#[test]
fn dependencies_name_what_a_config_is_made_from() {
    let (intent, _) = load(&template());
    let r1 = render::Renderer::new(&intent).dependencies(&name("r1")).expect("dependencies");
    for path in [
        "templates/frr/main.j2", "templates/_lib/links.j2", "data/site/ams.yaml", "data/role/router.yaml",
        "inventory/devices.yaml",
        // A template that would be taken first, if it were there.
        "templates/frr/router/main.j2", // The template looks at the data of other devices.
        "data/device/r2.yaml",
    ] {
        assert!(r1.contains(path), "{path}: {:?}", r1.paths);
    }
    for path in ["templates/arista_eos/main.j2", "checks/bgp.yaml", "README.md"] {
        assert!(!r1.contains(path), "{path}: {:?}", r1.paths);
    }
}

#[test]
fn every_line_knows_its_template_line() {
    let (intent, _) = load(&template());
    for device in ["r1", "leaf2"] {
        let config = render::render(&intent, &name(device)).expect("a config");
        let places = render::provenance::provenance(&intent, &name(device)).expect("places");
        assert_eq!(places.len(), config.text.lines().count());
        let main = &intent.templates[if device == "r1" { "frr/main.j2" } else { "arista_eos/main.j2" }];
        for (line, place) in config.text.lines().zip(&places) {
            let place = place.as_ref().unwrap_or_else(|| panic!("{device}: no place for {line:?}"));
            let source = main.lines().nth(place.line as usize - 1).expect("a line");
            let words = source.split("{{").next().unwrap_or_default();
            assert!(line.starts_with(words), "{device}: {line:?} from {place:?} {source:?}");
        }
    }
}

/// `tests/intents/<case>/` is laid over the template: a file replaces one, an empty file removes one. `expected.txt` holds
/// what is said then, one finding a line. `UPDATE_EXPECTED=1` writes it.
#[test]
fn bad_repositories_are_explained() {
    let cases = root().join("tests/intents");
    let mut seen = 0;
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&cases).expect("cases").map(|e| e.expect("an entry").path()).collect();
    folders.sort();
    for case in folders.iter().filter(|path| path.is_dir()) {
        let mut files = template();
        for (path, text) in folder(case) {
            if text.is_empty() {
                files.remove(&path);
            } else if path != "expected.txt" {
                files.insert(path, text);
            }
        }
        let (intent, mut findings) = load(&files);
        findings.extend(render::validate(&intent));
        let found = texts(&findings).join("\n") + "\n";
        let expected = case.join("expected.txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &found).expect("written");
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(found, expected, "{}", case.display());
        assert!(any_error(&findings), "{}: a bad repository without an error", case.display());
        seen += 1;
    }
    assert!(seen >= 4, "only {seen} cases");
}

/// A small generator, so that the same mutations are made on every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).expect("below the bound")
    }
}

fn mutate(text: &str, numbers: &mut Numbers) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (a, b) = (numbers.next(lines.len()), numbers.next(lines.len()));
    let noise = [
        "{", "}", "[", "]", ":", "'", "\"", "\t", "&a", "*a", "!x", "%", "{{", "{%", "#}", "\u{0}", "\u{2028}", "- ",
        "|",
    ];
    match numbers.next(8) {
        0 => drop(lines.remove(a)),
        1 => lines.insert(b, lines[a].clone()),
        2 => lines.swap(a, b),
        3 => lines[a].insert(0, ' '),
        4 => {
            let mut chars: Vec<char> = lines[a].chars().collect();
            if !chars.is_empty() {
                chars.remove(numbers.next(chars.len()));
            }
            lines[a] = chars.into_iter().collect();
        }
        5 => lines.truncate(a),
        _ => {
            let at = numbers.next(lines[a].chars().count() + 1);
            let byte = lines[a].char_indices().nth(at).map_or(lines[a].len(), |(byte, _)| byte);
            let noise = noise[numbers.next(noise.len())];
            lines[a].insert_str(byte, noise);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn broken_repositories_never_panic_and_broken_yaml_is_told() {
    let good = template();
    let paths: Vec<&String> = good.keys().filter(|p| !p.starts_with("running/") && !p.ends_with(".json")).collect();
    let mut numbers = Numbers(20_260_301);
    let (mut broken, mut silent) = (0, 0);
    for round in 0..300 {
        let mut files = good.clone();
        for _ in 0..=round % 3 {
            let path = paths[numbers.next(paths.len())];
            let text = mutate(&files[path], &mut numbers);
            files.insert(path.clone(), text);
        }
        let (intent, findings) = load(&files);
        let rendered = render::validate(&intent);
        for (path, text) in &files {
            let ours =
                ["inventory/", "data/", "checks/", "reconverge.yaml"].iter().any(|start| path.starts_with(start));
            // Three things are broken in YAML 1.1 only: the line separator, a plain scalar that starts with a colon, and a
            // line that is only a tab.
            let is_older = text.contains(['\u{2028}']) || text.contains(": :") || text.lines().any(|line| line == "\t");
            let is_broken = ours && !is_older && serde_yaml::from_str::<serde_json::Value>(text).is_err();
            if is_broken {
                broken += 1;
                let told = findings
                    .iter()
                    .any(|f| f.is_error() && f.place.as_ref().is_some_and(|p| p.path == *path && p.line > 0));
                assert!(told, "round {round}: {path} is broken and nothing is said:\n{text}\n{:#?}", texts(&findings));
            }
        }
        silent += usize::from(findings.is_empty() && rendered.is_empty());
    }
    assert!(broken >= 30, "only {broken} files were broken");
    assert!(silent < 210, "{silent} of 300 mutations were not noticed");
    println!("{broken} broken files, {silent} of 300 repositories without any finding");
}
