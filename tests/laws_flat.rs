//! The laws of the configuration engine for platforms with paths, items and documents, on mutated configurations.
//!
//! `RECONVERGE_LAW_PAIRS` is the number of pairs for each platform.

use proptest::prelude::*;
use reconverge::domain::config::command::{Kind, Remediation};
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::tree::{ConfigTree, Node};
use reconverge::domain::platform::Platform;

use crate::laws::pairs;

/// One change of a tree: what is done, and two numbers that choose where.
type Mutation = (u8, u16, u16);

pub(crate) fn dialect(platform: &str) -> Dialect {
    Platform::built_in(platform).expect("a built-in platform").dialect
}

fn corpus(platform: &str) -> Vec<String> {
    pairs::own(platform)
}

/// Returns the paths to all nodes of a tree.
fn places(nodes: &[Node], path: &mut Vec<usize>, out: &mut Vec<Vec<usize>>) {
    for (index, node) in nodes.iter().enumerate() {
        path.push(index);
        out.push(path.clone());
        places(&node.children, path, out);
        path.pop();
    }
}

fn siblings<'t>(tree: &'t mut ConfigTree, path: &[usize]) -> &'t mut Vec<Node> {
    path[..path.len() - 1].iter().fold(&mut tree.children, |nodes, index| &mut nodes[*index].children)
}

fn mutate(tree: &mut ConfigTree, donor: &ConfigTree, (kind, a, b): Mutation) {
    let list = |tree: &ConfigTree| {
        let mut out = Vec::new();
        places(&tree.children, &mut Vec::new(), &mut out);
        out
    };
    let (own, other) = (list(tree), list(donor));
    let Some(place) = own.get(usize::from(a) % own.len().max(1)).cloned() else { return };
    let last = place[place.len() - 1];
    let nodes = siblings(tree, &place);
    match kind % 6 {
        0 => drop(nodes.remove(last)),
        1 => {
            let whole = nodes[last].text.to_string();
            // The mark of a block is no part of what it says.
            let (text, mark) = whole.strip_suffix(BLOCK).map_or((whole.as_str(), ""), |text| (text, BLOCK));
            let digit = usize::from(b) % 10;
            let changed = match text.rfind(|c: char| c.is_ascii_digit()) {
                Some(at) => format!("{}{digit}{}", &text[..at], &text[at + 1..]),
                None => match text.rfind(|c: char| c.is_ascii_alphabetic()) {
                    Some(at) => format!("{}x{}", &text[..at], &text[at + 1..]),
                    None => text.to_owned(),
                },
            };
            nodes[last].text = format!("{changed}{mark}").into();
        }
        2 => {
            let to = usize::from(b) % nodes.len();
            nodes.swap(last, to);
        }
        3 => {
            let to = usize::from(b) % nodes.len();
            let node = nodes.remove(last);
            nodes.insert(to, node);
        }
        4 => {
            let node = nodes[last].clone();
            let to = own[usize::from(b) % own.len()].clone();
            siblings(tree, &to).push(node);
        }
        _ => {
            if let Some(from) = other.get(usize::from(b) % other.len().max(1)) {
                let mut donor = donor.clone();
                let node = siblings(&mut donor, from)[from[from.len() - 1]].clone();
                // Lines stay lines: a block among them is no form that any device prints.
                let nested = tree.children.iter().any(|node| !node.children.is_empty());
                if nested || node.children.is_empty() {
                    siblings(tree, &place).push(node);
                }
            }
        }
    }
}

/// Where every block is written with braces, one that lost its lines still is.
fn keep_blocks(nodes: &mut [Node]) {
    for node in nodes {
        keep_blocks(&mut node.children);
        let was_block = node.text.ends_with(BLOCK);
        let text = node.text.trim_end_matches(BLOCK);
        node.text = if was_block && node.children.is_empty() { format!("{text} {{}}").into() } else { text.into() };
    }
}

/// Marks the headers of blocks while lines are taken out of them.
const BLOCK: &str = " <block>";

fn mark_blocks(nodes: &mut [Node]) {
    for node in nodes.iter_mut().filter(|node| !node.children.is_empty()) {
        mark_blocks(&mut node.children);
        node.text = format!("{}{BLOCK}", node.text).into();
    }
}

fn deletes(remediation: &Remediation) -> Vec<String> {
    let removes = |kind| matches!(kind, Kind::Remove);
    remediation
        .operations()
        .into_iter()
        .filter(|operation| removes(operation.kind))
        .map(|operation| operation.command)
        .collect()
}

/// Returns all lines of a configuration in the form in which they are typed.
fn typed(dialect: &Dialect, tree: &ConfigTree) -> Vec<String> {
    let all = dialect.remediate(&ConfigTree::default(), tree, &Scope::Replace);
    let mut lines: Vec<String> = all.operations().into_iter().map(|operation| operation.command).collect();
    lines.sort_unstable();
    lines
}

/// The laws for one pair, in one direction.
pub(crate) fn check(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree) -> Result<(), String> {
    let show = |what: &str, remediation: &Remediation, got: &ConfigTree| {
        format!(
            "{what}\n--- running to intended\n{}--- commands\n{}--- predicted to intended\n{}--- unproved {:?}",
            dialect.text_diff(running, intended),
            dialect.commands_text(remediation),
            dialect.text_diff(got, intended),
            remediation.unproved
        )
    };
    let remediation = dialect.remediate(running, intended, &Scope::Replace);
    let predicted = dialect.predict(running, &remediation.tree());
    if !dialect.same(&predicted, intended) || !remediation.unproved.is_empty() {
        return Err(show("the prediction is not the intention", &remediation, &predicted));
    }
    let text = dialect.commands_text(&remediation);
    let by_text = dialect.predict(running, &dialect.parse_commands(&text));
    if !dialect.same(&by_text, intended) {
        return Err(show("the prediction by text is not the intention", &remediation, &by_text));
    }
    if remediation.is_empty() != dialect.same(running, intended) {
        return Err(show("commands and comparison disagree", &remediation, &predicted));
    }
    let again = dialect.remediate(&predicted, intended, &Scope::Replace);
    if !again.is_empty() {
        return Err(show("a second run is not empty", &again, &predicted));
    }
    let merge = dialect.remediate(running, intended, &Scope::Merge);
    let merged = dialect.predict(running, &merge.tree());
    let rest = dialect.remediate(&merged, intended, &Scope::Merge);
    if !deletes(&merge).is_empty() || !rest.commands.is_empty() {
        return Err(show("merging removes, or needs a second run", &merge, &merged));
    }
    round_trip(dialect, intended)
}

fn round_trip(dialect: &Dialect, tree: &ConfigTree) -> Result<(), String> {
    let printed = dialect.print(tree);
    let read = dialect.parse(&printed);
    if !dialect.same(&read, tree) {
        return Err(format!("printing and reading changes the meaning\n{printed}--- read\n{}", dialect.print(&read)));
    }
    let again = dialect.print(&read);
    if again != printed {
        return Err(format!("printing is not stable\n{printed}--- again\n{again}"));
    }
    if !dialect.remediate(tree, tree, &Scope::Replace).is_empty() {
        return Err(format!("a configuration differs from itself\n{printed}"));
    }
    Ok(())
}

/// A line without quotes and the order of its words: the same value may be written in several ways.
fn plain(line: &str) -> String {
    let line = line.replace(['"', '\''], "");
    let mut words: Vec<&str> = line.split(' ').collect();
    words.sort_unstable();
    words.join(" ")
}

/// Owned sections: what is outside stays, what is inside becomes as intended.
fn check_owned(dialect: &Dialect, running: &ConfigTree, intended: &ConfigTree, section: &str) -> Result<(), String> {
    let remediation = dialect.remediate(running, intended, &Scope::Owned(vec![section.to_owned()]));
    let predicted = dialect.predict(running, &remediation.tree());
    let inside = |line: &String| {
        let path = dialect
            .page
            .flat
            .set
            .split(' ')
            .chain(["deactivate", "protect", "delete", "move", "insert"])
            .fold(line.as_str(), |line, word| line.strip_prefix(word).map_or(line, str::trim_start));
        path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    // What is left of the blocks around the section when it was all that they held is neither inside nor outside.
    let words: Vec<&str> = section.split(' ').collect();
    let above: Vec<String> =
        (1..words.len()).map(|end| plain(&format!("{} {}", dialect.page.flat.set, words[..end].join(" ")))).collect();
    let part = |tree: &ConfigTree, wanted: bool| -> Vec<String> {
        let mut lines: Vec<String> =
            typed(dialect, tree).into_iter().filter(|line| inside(line) == wanted).map(|line| plain(&line)).collect();
        lines.retain(|line| !above.contains(line));
        lines.sort_unstable();
        lines
    };
    // An intention that gives a key word several values has one of them when the device is known to hold only one.
    let wanted = part(intended, true);
    let again = dialect.remediate(&predicted, intended, &Scope::Owned(vec![section.to_owned()]));
    let held = part(&predicted, true);
    let proved = again.is_empty() && remediation.unproved.is_empty() && held.iter().all(|line| wanted.contains(line));
    let same = (held == wanted || proved) && part(&predicted, false) == part(running, false);
    let foreign_commands: Vec<String> = remediation
        .operations()
        .into_iter()
        .map(|operation| operation.command)
        .filter(|line| !line.contains(section))
        .collect();
    if same && foreign_commands.is_empty() {
        return Ok(());
    }
    Err(format!(
        "owned {section:?}\n--- running\n{}--- intended\n{}--- commands\n{}--- predicted\n{}",
        typed(dialect, running).join("\n"),
        typed(dialect, intended).join("\n"),
        dialect.commands_text(&remediation),
        typed(dialect, &predicted).join("\n")
    ))
}

/// Runs the laws over mutated pairs of the corpora; with sections the owned scope as well.
fn laws(platform: &str, sections: &[&str]) {
    if pairs::is_left_out(platform) {
        return;
    }
    let dialect = dialect(platform);
    let own: Vec<ConfigTree> = pairs::own(platform).iter().map(|text| dialect.parse(text)).collect();
    let trees: Vec<ConfigTree> = own.into_iter().chain(pairs::bases(&dialect, &pairs::foreign(platform))).collect();
    let mutations = || prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 0..12);
    let strategy = (any::<u8>(), any::<u8>(), mutations(), mutations());
    let outcome = pairs::run(platform, &strategy, |(first, second, left, right)| {
        let (a, b) = (&trees[usize::from(*first) % trees.len()], &trees[usize::from(*second) % trees.len()]);
        let mutated = |tree: &ConfigTree, mutations: &[Mutation]| {
            let mut tree = tree.clone();
            if dialect.page.flat.leaf_values {
                mark_blocks(&mut tree.children);
            }
            mutations.iter().for_each(|mutation| mutate(&mut tree, b, *mutation));
            if dialect.page.flat.leaf_values {
                keep_blocks(&mut tree.children);
            }
            dialect.parse(&dialect.print(&tree))
        };
        let (running, intended) = (mutated(a, left), mutated(b, right));
        check(&dialect, &running, &intended)
            .and_then(|()| check(&dialect, &intended, &running))
            .and_then(|()| sections.iter().try_for_each(|section| check_owned(&dialect, &running, &intended, section)))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn junos() {
    laws("juniper_junos", &["interfaces ge-0/0/0", "protocols bgp", "policy-options policy-statement to-transit"]);
}

#[test]
fn vyos() {
    laws("vyos", &["interfaces ethernet", "system"]);
}

#[test]
fn srlinux() {
    laws("nokia_srlinux", &["network-instance default protocols", "routing-policy"]);
}

#[test]
fn sros() {
    laws("nokia_sros", &["router \"Base\"", "port 1/1/1"]);
}

#[test]
fn panos() {
    laws("paloalto_panos", &["rulebase security"]);
}

#[test]
fn nvue() {
    laws("cumulus_nvue", &["interface swp1", "vrf"]);
}

#[test]
fn routeros() {
    laws("mikrotik_routeros", &["/ip firewall", "/ip address"]);
}

#[test]
fn sonic() {
    laws("sonic", &[]);
}

#[test]
fn linux() {
    laws("linux", &[]);
}

/// Every platform's two forms of the same configuration mean the same.
#[test]
fn blocks_and_lines_are_one_configuration() {
    for platform in ["juniper_junos", "vyos", "nokia_srlinux", "nokia_sros", "paloalto_panos", "cumulus_nvue"] {
        let dialect = dialect(platform);
        for text in corpus(platform) {
            let tree = dialect.parse(&text);
            let lines = dialect.commands_text(&dialect.remediate(&ConfigTree::default(), &tree, &Scope::Replace));
            let read = dialect.parse(&lines);
            assert!(dialect.same(&tree, &read), "{platform}\n{lines}\n---\n{}", dialect.print(&read));
            assert!(dialect.remediate(&tree, &read, &Scope::Replace).is_empty(), "{platform}");
            assert!(!lines.contains("vrtr-id") && !lines.contains("23.4R1"), "{platform}: dropped lines are there");
        }
    }
}

/// No secret of the corpora survives masking, in no form in which it is shown.
#[test]
fn secrets_are_masked_in_every_form() {
    let secrets: [(&str, &[&str]); 9] = [
        ("juniper_junos", &["hashhash", "abcdefgh"]),
        ("vyos", &["it's secret", "656000"]),
        ("nokia_srlinux", &["abcdef=="]),
        ("nokia_sros", &["hashed hash2"]),
        ("paloalto_panos", &["0123456789"]),
        ("cumulus_nvue", &["abc$def"]),
        ("mikrotik_routeros", &["a b="]),
        ("sonic", &["tacacs-key-1"]),
        ("linux", &["bgp-session-key"]),
    ];
    for (platform, secrets) in secrets {
        let dialect = dialect(platform);
        let mut seen = 0;
        for text in corpus(platform) {
            let tree = dialect.parse(&text);
            let remediation = dialect.remediate(&ConfigTree::default(), &tree, &Scope::Replace);
            let back = dialect.remediate(&tree, &ConfigTree::default(), &Scope::Replace);
            let operations = dialect.mask_operations(&[remediation.operations(), back.operations()].concat());
            let shown = [
                dialect.mask(&text),
                dialect.mask(&dialect.print(&tree)),
                dialect.mask(&dialect.commands_text(&remediation)),
                dialect.mask(&dialect.text_diff(&ConfigTree::default(), &tree)),
                operations.iter().map(|operation| format!("{} {:?}\n", operation.command, operation.old)).collect(),
            ];
            for secret in secrets.iter().filter(|secret| text.contains(**secret)) {
                seen += 1;
                for text in &shown {
                    let line = text.lines().find(|line| line.contains(secret));
                    assert!(line.is_none(), "{platform}: {secret} survives in {line:?}");
                }
            }
        }
        assert!(seen >= secrets.len(), "{platform}: the corpus lost a secret");
    }
}

/// Texts that are made to hurt: deep, long, unfinished, repeated.
fn hostile(bytes: usize) -> Vec<(&'static str, String)> {
    let repeat = |unit: &str| unit.repeat(bytes / unit.len() + 1);
    let counted = |make: fn(usize) -> String| {
        let mut text = String::new();
        for index in 0.. {
            if text.len() >= bytes {
                break;
            }
            text.push_str(&make(index));
        }
        text
    };
    vec![
        ("open braces", repeat("a {\n")),
        ("open braces with leaves", repeat("a { b; c;\n")),
        ("close braces", repeat("}\n")),
        ("brackets", repeat("[ ")),
        ("open lists", repeat("x [ a\n")),
        ("comments without end", repeat("/* ")),
        ("quotes", repeat("\" ' \\\" ")),
        ("one long line", format!("set {}", repeat("a "))),
        ("one long word", repeat("ab")),
        ("one long block name", format!("{} {{\n{}\n}}\n", repeat("ab"), "c d;\n".repeat(bytes / 5))),
        ("many leaves", counted(|index| format!("set a b c{index}\n"))),
        ("many values", counted(|index| format!("set policy p term t{index} then accept\n"))),
        ("flags", repeat("inactive: ")),
        ("deactivated", counted(|index| format!("deactivate a b c{index}\n"))),
        (
            "backwards list",
            counted(|index| format!("set policy-options policy-statement p term t{} then x\n", 9_999_999 - index)),
        ),
        ("continued lines", repeat("a\\\n")),
        ("items", counted(|index| format!("/ip firewall filter add chain=c{} action=a{}\n", index % 300, index / 300))),
        ("equal items", format!("/ip firewall filter\n{}", repeat("add chain=input\n"))),
        ("named items", format!("/ip pool\n{}", counted(|index| format!("add name=n{index}\n")))),
        ("settings", format!("/ip service\n{}", counted(|index| format!("set s{index} port={index}\n")))),
        ("sections", counted(|index| format!("/s{index}\nset a=b\n"))),
        ("deep JSON", repeat("[")),
        ("deep JSON objects", repeat("{\"a\":")),
        (
            "wide JSON",
            format!("{{\"T\":{{{}\"z\":{{}}}}}}", counted(|index| format!("\"k{index}|x\":{{\"f\":\"v\"}},"))),
        ),
        (
            "ports",
            format!(
                "{{\"PORT\":{{{}\"z\":{{}}}}}}",
                counted(|index| format!("\"k{index}\":{{\"lanes\":\"{index}\"}},"))
            ),
        ),
        ("deep YAML", repeat("- ")),
        ("YAML flow", format!("set: {}", repeat("{a: "))),
        (
            "YAML aliases",
            format!(
                "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
                counted(|index| format!("b{index}: &b{index} [*a,*a,*a,*a,*a,*a,*a]\n"))
            ),
        ),
        ("NUL and blanks", repeat("\0 \t\r\n")),
        ("not ASCII", repeat("é\u{2028}ß ")),
    ]
}

const PLATFORMS: [&str; 9] = [
    "juniper_junos", "vyos", "nokia_srlinux", "nokia_sros", "paloalto_panos", "cumulus_nvue", "mikrotik_routeros",
    "sonic", "linux",
];

#[test]
fn hostile_texts_cost_no_more_than_others() {
    let bytes = std::env::var("RECONVERGE_HOSTILE_BYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(8 << 10);
    for platform in PLATFORMS {
        let dialect = dialect(platform);
        let other = dialect.parse(&corpus(platform)[0]);
        for (name, text) in hostile(bytes) {
            let start = std::time::Instant::now();
            let tree = dialect.parse(&text);
            let parsed = start.elapsed();
            let printed = dialect.print(&tree);
            let read = dialect.parse(&printed);
            assert!(dialect.same(&tree, &read), "{platform}, {name}: printing and reading changes the meaning");
            for (running, intended) in [(&tree, &other), (&other, &tree)] {
                let remediation = dialect.remediate(running, intended, &Scope::Replace);
                let commands = dialect.parse_commands(&dialect.commands_text(&remediation));
                let predicted = dialect.predict(running, &commands);
                let proved = remediation.unproved.is_empty();
                assert!(
                    !proved || dialect.same(&predicted, intended),
                    "{platform}, {name}: the prediction is not the intention"
                );
            }
            let took = start.elapsed();
            println!("{platform:18} {name:24} {parsed:?} {took:?}");
            // At a MiB (RECONVERGE_HOSTILE_BYTES) a cost that grows with the square shows as hours.
            assert!(took.as_secs() < 20, "{platform}, {name}: {took:?}");
        }
    }
}
