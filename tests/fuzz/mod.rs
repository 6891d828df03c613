//! Fuzzing on stable Rust: seeded broken texts for every syntax family, for the repository's YAML and for the terminal reader.
//!
//! A fixed number of cases runs with the other tests. `RECONVERGE_FUZZ_SECONDS` lets every target run for that long instead,
//! and `RECONVERGE_FUZZ_SEED` begins at another case; a failure names its case.

mod generator;
mod hostile;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use generator::{Choices, corpus, neighbour, text};
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::page::Family;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::intent;
use reconverge::domain::platform::Platform;
use reconverge::domain::platform::session::SessionPage;
use reconverge::domain::platform::terminal::Terminal;
use reconverge::domain::revision::Revision;
use reconverge::domain::snapshot::Snapshot;

/// Longest that one case of a few kilobytes may take, in seconds: far above what a busy machine needs.
const CASE_SECONDS_MAX: u64 = 20;

/// Most broken texts in 100 that may mean something else after they were printed: no device prints a text whose quotes,
/// blocks and indentation contradict each other, and no reading of it is the right one. Samples always come back.
const UNSTABLE_PERCENT_MAX: u64 = 10;

/// What must hold for two texts of one platform; `unstable` counts texts that are not the same after they were printed.
fn engine(dialect: &Dialect, a: &str, b: &str, unstable: &Cell<u64>) -> Result<(), String> {
    let (running, intended) = (dialect.parse(a), dialect.parse(b));
    for (tree, text) in [(&running, a), (&intended, b)] {
        let again = dialect.parse(&dialect.print(tree));
        // What cannot be read at all (half a JSON document) is not the same as anything.
        let is_readable =
            dialect.page.family != Family::Json || serde_json::from_str::<serde_json::Value>(text).is_ok();
        unstable.set(unstable.get() + u64::from(is_readable && !dialect.same(tree, &again)));
    }
    for (from, to) in [(&running, &intended), (&intended, &running)] {
        let remediation = dialect.remediate(from, to, &Scope::Replace);
        let reached = dialect.predict(from, &remediation.tree());
        if remediation.unproved.is_empty() && !dialect.same(&reached, to) {
            let commands = dialect.commands_text(&remediation);
            return Err(format!("proved, and not reached: {commands:?}\n{}", dialect.text_diff(&reached, to)));
        }
    }
    if !dialect.remediate(&running, &running, &Scope::Replace).commands.is_empty() {
        return Err("a configuration differs from itself".into());
    }
    Ok(())
}

/// Runs one case; a panic and a slow case are failures like any other.
fn checked(a: &str, b: &str, check: &dyn Fn(&str, &str) -> Result<(), String>) -> Result<(), String> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| check(a, b)));
    result.unwrap_or_else(|_| Err("a panic".into()))?;
    let took = start.elapsed();
    if took > Duration::from_secs(CASE_SECONDS_MAX) { Err(format!("it took {took:?}")) } else { Ok(()) }
}

/// Leaves lines out of a failing case while it goes on failing.
fn shrunk(a: &str, b: &str, check: &dyn Fn(&str, &str) -> Result<(), String>) -> (String, String) {
    let mut texts = [a.to_owned(), b.to_owned()];
    for size in [16, 4, 1, 1] {
        for which in 0..2 {
            let mut at = 0;
            loop {
                let lines: Vec<&str> = texts[which].split('\n').collect();
                if at >= lines.len() {
                    break;
                }
                let end = (at + size).min(lines.len());
                let shorter = [&lines[..at], &lines[end..]].concat().join("\n");
                let other = &texts[1 - which];
                let fails =
                    if which == 0 { checked(&shorter, other, check) } else { checked(other, &shorter, check) }.is_err();
                if fails && shorter.len() < texts[which].len() { texts[which] = shorter } else { at = end }
            }
        }
    }
    let [a, b] = texts;
    (a, b)
}

/// Runs cases of one target, each made of its number alone, and says how many they were.
fn fuzz(target: &str, cases: u64, samples: &[String], check: impl Fn(&str, &str) -> Result<(), String>) -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seconds, first) = (number("RECONVERGE_FUZZ_SECONDS"), number("RECONVERGE_FUZZ_SEED").unwrap_or(0));
    let start = Instant::now();
    let mut done = 0;
    while seconds.map_or(done < cases, |seconds| start.elapsed().as_secs() < seconds) {
        let case = first + done;
        let mut choices = Choices(case);
        let a = text(&mut choices, samples);
        let b = if choices.below(4) == 0 { text(&mut choices, samples) } else { neighbour(&mut choices, &a, samples) };
        let (a, b) = (String::from_utf8_lossy(&a).into_owned(), String::from_utf8_lossy(&b).into_owned());
        if let Err(what) = checked(&a, &b, &check) {
            let (a, b) = shrunk(&a, &b, &check);
            let shrunk = checked(&a, &b, &check).err().unwrap_or_default();
            panic!("{target}, RECONVERGE_FUZZ_SEED={case}: {what}\n--- smallest\n{a:?}\n{b:?}\n{shrunk}");
        }
        done += 1;
    }
    crate::support::say(&format!("fuzz {target}: {done} cases in {:.0} s", start.elapsed().as_secs_f64()));
    done
}

fn platforms(names: &[&str], cases: u64) {
    for name in names {
        let dialect = Platform::built_in(name).expect("a built-in platform").dialect;
        let unstable = Cell::new(0);
        let samples = corpus(name);
        for sample in &samples {
            assert_eq!(engine(&dialect, sample, "", &unstable), Ok(()));
            assert_eq!(unstable.get(), 0, "{name}: a sample is not printed as it was read");
        }
        let done = fuzz(name, cases, &samples, |a, b| engine(&dialect, a, b, &unstable));
        let texts = 2 * done;
        crate::support::say(&format!("fuzz {name}: {} of {texts} broken texts do not come back", unstable.get()));
        assert!(
            unstable.get() * 100 <= texts * UNSTABLE_PERCENT_MAX,
            "{name}: {} of {texts} do not come back",
            unstable.get()
        );
    }
}

#[test]
fn indented() {
    platforms(&["cisco_iosxe", "cisco_iosxr", "cisco_nxos", "cisco_asa", "arista_eos"], CASES);
}

#[test]
fn indented_others() {
    platforms(&["aruba_aoscx", "dell_os10", "hpe_procurve", "extreme_exos"], CASES);
}

#[test]
fn vrp_and_comware() {
    platforms(&["huawei_vrp", "hpe_comware"], CASES);
}

#[test]
fn context() {
    platforms(&["frr"], CASES);
}

#[test]
fn braces() {
    platforms(&["juniper_junos", "vyos", "nokia_sros", "nokia_srlinux"], CASES);
}

#[test]
fn set_lines() {
    platforms(&["paloalto_panos", "cumulus_nvue"], CASES);
}

#[test]
fn fortios() {
    platforms(&["fortinet_fortios"], CASES);
}

#[test]
fn routeros() {
    platforms(&["mikrotik_routeros"], CASES);
}

#[test]
fn documents() {
    platforms(&["sonic"], CASES);
}

#[test]
fn plain_files() {
    platforms(&["linux"], CASES);
}

/// Cases of each platform without RECONVERGE_FUZZ_SECONDS.
const CASES: u64 = 300;

/// Files of a repository, in which the generated texts stand as the inventory and its neighbours.
fn repository(a: &str, b: &str) -> Snapshot {
    let files = [
        ("reconverge.yaml", a),
        ("inventory/devices.yaml", b),
        ("inventory/groups/routers.yaml", a),
        ("data/device/r1.yaml", b),
        ("checks/basic.yaml", a),
    ];
    Snapshot { revision: Revision::folder(), files: files.map(|(path, text)| (path.to_owned(), text.into())).into() }
}

#[test]
fn repository_files() {
    let known = Platform::all().expect("the built-in pages compile").into_keys().collect();
    let samples = [
        include_str!("../../intent-repo-template/reconverge.yaml").to_owned(),
        "r1: {address: 10.0.0.1, port: 22, platform: frr, groups: [routers], labels: {site: ams}}\nr2: &a\n  address: r2\n  <<: *a\n"
            .to_owned(),
    ];
    fuzz("repository files", CASES, &samples, |a, b| {
        let (_, findings) = intent::load(&repository(a, b), &known);
        let (_, again) = intent::load(&repository(a, b), &known);
        if findings == again { Ok(()) } else { Err("two readings differ".into()) }
    });
}

#[test]
fn terminals() {
    let samples =
        ["\r\nr1# show running-config\r\nBuilding configuration...\r\n\r\n--More--\u{8}\u{8} \r\nr1# ".to_owned()];
    for platform in ["frr", "arista_eos", "cisco_iosxe"] {
        let Ok(Some(page)) = SessionPage::built_in(platform).transpose() else { continue };
        fuzz(&format!("terminal of {platform}"), CASES, &samples, |a, b| {
            let mut whole = Terminal::new(&page.session).map_err(|error| error.to_string())?;
            let mut pieces = Terminal::new(&page.session).map_err(|error| error.to_string())?;
            for text in [a, b] {
                whole.push(text.as_bytes());
                text.as_bytes().chunks(3).for_each(|part| drop(pieces.push(part)));
                let (one, many) = (whole.take(), pieces.take());
                if one != many {
                    return Err(format!("pieces are read otherwise\n{one:?}\n{many:?}"));
                }
                whole.send(a);
                pieces.send(a);
                drop((whole.seen(), pieces.seen(), whole.tail(9), whole.has_leftover()));
            }
            Ok(())
        });
    }
}
