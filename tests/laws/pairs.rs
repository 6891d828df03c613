//! Pairs of configurations for the laws: where they come from, how they are counted, and how a broken one is made small.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::tree::ConfigTree;

use crate::support::say;

/// Most steps in which a broken pair is made smaller before it is shown.
const SHRINK_STEPS_MAX: usize = 4000;

/// Most broken pairs of one platform that are made small and shown.
const SHOWN_MAX: usize = 3;

/// Most lines of a configuration of somebody else: the laws look at changes, not at lengths.
const LINES_MAX: usize = 120;

/// Returns the texts in `tests/platforms` of one platform.
pub(crate) fn own(platform: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platforms").join(platform);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "cfg"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Returns the configurations of other people for one platform, shortened; none without `RECONVERGE_CONFORMANCE`.
pub(crate) fn foreign(platform: &str) -> Vec<String> {
    let Some(root) = std::env::var_os("RECONVERGE_CONFORMANCE").map(PathBuf::from) else { return Vec::new() };
    let mut texts = Vec::new();
    for folder in folders(platform) {
        files(&root.join(folder), &mut texts);
    }
    texts.extend(crate::conformance::configurations(&root, platform));
    let texts: BTreeSet<String> = texts.into_iter().filter(|text| text.lines().count() > 4).collect();
    texts.into_iter().collect()
}

/// The folders and files of the conformance data that hold whole configurations of a platform.
fn folders(platform: &str) -> &'static [&'static str] {
    match platform {
        "arista_eos" => &["netutils/config/parser/base/arista_eos", "napalm/eos/eos/mock_data/show_running_config.txt"],
        "aruba_aoscx" => &["netutils/config/parser/base/aruba_aoscx"],
        "cisco_iosxe" => &["hier_config/fixtures/running_config.conf", "hier_config/fixtures/generated_config.conf"],
        "cisco_iosxr" => &["netutils/config/parser/base/cisco_iosxr"],
        "cisco_nxos" => &[
            "netutils/config/parser/base/cisco_nxos",
            "hier_config/circular/nxos_running.conf",
            "hier_config/circular/nxos_generated.conf",
        ],
        "fortinet_fortios" => {
            &["hier_config/circular/fortios_running.conf", "hier_config/circular/fortios_generated.conf"]
        }
        "hpe_comware" => &["netutils/config/parser/base/hp_comware"],
        "hpe_procurve" => {
            &["hier_config/circular/procurve_running.conf", "hier_config/circular/procurve_generated.conf"]
        }
        "juniper_junos" => &["napalm/junos/junos/initial.conf", "napalm/junos/junos/new_good.conf"],
        "mikrotik_routeros" => &["netutils/config/parser/base/mikrotik_routeros"],
        _ => &[],
    }
}

fn files(path: &Path, out: &mut Vec<String>) {
    if path.is_file() {
        out.extend(std::fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
        return;
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with("_sent.txt"));
    paths.sort();
    paths.iter().for_each(|path| files(path, out));
}

/// Reads configurations and cuts them into parts of a length at which ten thousand pairs are a matter of seconds.
pub(crate) fn bases(dialect: &Dialect, texts: &[String]) -> Vec<ConfigTree> {
    let mut out = Vec::new();
    for text in texts {
        let mut part = ConfigTree::default();
        for node in dialect.parse(text).children {
            part.children.push(node);
            if part.count() >= LINES_MAX {
                out.push(dialect.parse(&dialect.print(&std::mem::take(&mut part))));
            }
        }
        if !part.children.is_empty() {
            out.push(dialect.parse(&dialect.print(&part)));
        }
    }
    out
}

/// Returns how many pairs each platform gets: `RECONVERGE_LAW_PAIRS`, or few enough for every day.
pub(crate) fn count() -> usize {
    std::env::var("RECONVERGE_LAW_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Tells whether `RECONVERGE_LAW_PLATFORM` asks for other platforms only.
pub(crate) fn is_left_out(platform: &str) -> bool {
    std::env::var("RECONVERGE_LAW_PLATFORM").is_ok_and(|only| !only.split(',').any(|name| name == platform))
}

/// Runs a law over generated values, says how many kept it, and fails with the smallest values that do not.
pub(crate) fn run<S>(platform: &str, strategy: &S, law: impl Fn(&S::Value) -> Result<(), String>) -> Result<(), String>
where
    S: Strategy,
    S::Value: Debug,
{
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let pairs = count();
    let (mut held, mut broken) = (0, Vec::new());
    for _ in 0..pairs {
        let mut tree = strategy.new_tree(&mut runner).expect("the strategy rejects nothing");
        match law(&tree.current()) {
            Ok(()) => held += 1,
            Err(error) if broken.len() < SHOWN_MAX => broken.push(smallest(&mut tree, error, &law)),
            Err(_) => {}
        }
    }
    say(&format!("laws {platform}: {pairs} generated pairs, {held} keep all laws"));
    if held == pairs { Ok(()) } else { Err(format!("{platform}: {held} of {pairs}\n{}", broken.join("\n\n"))) }
}

/// Makes a broken value smaller as long as it stays broken, and returns what the law says about the smallest one.
fn smallest<T: ValueTree>(tree: &mut T, first: String, law: impl Fn(&T::Value) -> Result<(), String>) -> String {
    let mut shown = first;
    let mut moves = tree.simplify();
    for _ in 0..SHRINK_STEPS_MAX {
        if !moves {
            break;
        }
        moves = match law(&tree.current()) {
            Err(error) => {
                shown = error;
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    shown
}

/// A broken pair is shown by its smallest form, and what holds is not shown.
#[test]
fn broken_pairs_are_made_small() {
    let strategy = proptest::collection::vec(0_u32..1000, 0..40);
    let law = |values: &Vec<u32>| match values.iter().any(|value| *value >= 500) {
        true => Err(format!("{values:?}")),
        false => Ok(()),
    };
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut seen = 0;
    for _ in 0..20 {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        if let Err(error) = law(&tree.current()) {
            assert_eq!(smallest(&mut tree, error, law), "[500]");
            seen += 1;
        }
    }
    assert!(seen > 0, "no value was broken");
}
