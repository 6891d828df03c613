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
    config.lines().filter(|line| !line.is_empty() && *line != "!" && !noise.iter().any(|n| line.starts_with(n))).collect()
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
    let vlans = intent::explain(&intent, &name("leaf2"), Some("vlans[1].name"));
    assert_eq!(vlans.last().map(|l| (l.layer.as_str(), l.place.line, l.wins)), Some(("site fra", 5, false)));
    let winners = intent::explain(&intent, &name("leaf2"), None);
    let winner = winners.iter().find(|l| l.key == "vlans[1].name").expect("a leaf");
    assert_eq!((winner.place.path.as_str(), winner.value.as_str()), ("data/device/leaf2.yaml", Some("printers-and-scanners")));
    assert_eq!(intent::explain(&intent, &name("r9"), None), Vec::new());
}

#[test]
fn dependencies_name_what_a_config_is_made_from() {
    let (intent, _) = load(&template());
    let r1 = render::Renderer::new(&intent).dependencies(&name("r1")).expect("dependencies");
    for path in [
        "templates/frr/main.j2",
        "templates/_lib/links.j2",
        "data/site/ams.yaml",
        "data/role/router.yaml",
        "inventory/devices.yaml",
        // A template that would be taken first, if it were there.
        "templates/frr/router/main.j2",
        // The template looks at the data of other devices.
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
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&cases).expect("cases").map(|e| e.expect("an entry").path()).collect();
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
