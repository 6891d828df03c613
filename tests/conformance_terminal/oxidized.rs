//! Whole dialogues of oxidized's collection: every prompt, every pager, and the configuration that comes out.

use std::path::Path;

use reconverge::domain::platform::session::{Patterns, SessionPage};
use reconverge::domain::platform::terminal::{Seen, Terminal};

use super::judge;
use crate::support::conformance;

/// Their models by our platforms; the others have no page.
const MODELS: &[(&str, &str)] = &[
    ("aoscx", "aruba_aoscx"),
    ("asa", "cisco_asa"),
    ("comware", "hpe_comware"),
    ("eos", "arista_eos"),
    ("fortigate", "fortinet_fortios"),
    ("fortios", "fortinet_fortios"),
    ("h3c", "hpe_comware"),
    ("ios", "cisco_iosxe"),
    ("iosxe", "cisco_iosxe"),
    ("iosxr", "cisco_iosxr"),
    ("junos", "juniper_junos"),
    ("nxos", "cisco_nxos"),
    ("os10", "dell_os10"),
    ("panos", "paloalto_panos"),
    ("procurve", "hpe_procurve"),
    ("aosw", "aosw"),
    ("routeros", "mikrotik_routeros"),
    ("sros", "nokia_sros"),
    ("srlinux", "nokia_srlinux"),
    ("vrp", "huawei_vrp"),
    ("vyos", "vyos"),
    ("xos", "extreme_exos"),
];

fn page_of(model: &str) -> Option<SessionPage> {
    let name = MODELS.iter().find(|(theirs, _)| *theirs == model).map_or(model, |(_, ours)| ours);
    super::page(name)
}

/// Their way to write characters that YAML would fold.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (character, length) = match after.as_bytes().first() {
            Some(b'r') => ('\r', 1),
            Some(b'n') => ('\n', 1),
            Some(b't') => ('\t', 1),
            Some(b'e') => ('\u{1b}', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b'"') => ('"', 1),
            Some(b'\\') => ('\\', 1),
            Some(b'x') if after.len() >= 3 => match u8::from_str_radix(&after[1..3], 16) {
                Ok(code) => (char::from(code), 3),
                Err(_) => ('\\', 0),
            },
            _ => ('\\', 0),
        };
        out.push(character);
        rest = &after[length..];
    }
    out.push_str(rest);
    // a terminal sends both characters
    out.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// What they typed and what came back, in order.
fn dialogue(path: &Path) -> Option<(String, Vec<(String, String)>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let file: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
    let greeting = unescape(file.get("init_prompt")?.as_str().unwrap_or_default());
    let pair = |(key, value): (&serde_yaml::Value, &serde_yaml::Value)| {
        Some((key.as_str()?.to_owned(), unescape(value.as_str().unwrap_or_default())))
    };
    let commands = match file.get("commands")? {
        serde_yaml::Value::Sequence(items) => {
            items.iter().filter_map(|item| pair(item.as_mapping()?.iter().next()?)).collect()
        }
        serde_yaml::Value::Mapping(items) => items.iter().filter_map(pair).collect(),
        _ => return None,
    };
    Some((greeting, commands))
}

const CONFIGURATION: &[&str] =
    &["show running-config", "show configuration", "display current-configuration", "show", "/export", "show | grep"];

fn is_configuration(command: &str) -> bool {
    let command = command.trim();
    CONFIGURATION.iter().any(|known| command == *known || command.starts_with(&format!("{known} ")) && *known != "show")
}

/// Plays one dialogue; returns the configuration that was read.
fn play(page: &SessionPage, greeting: &str, commands: &[(String, String)]) -> Result<String, String> {
    let mut terminal = Terminal::new(&page.session).map_err(|error| error.to_string())?;
    terminal.push(greeting.as_bytes());
    let prompt = match terminal.seen() {
        Seen::Unlearnt(prompt) => prompt,
        other => return Err(format!("no prompt after the greeting: {other:?}")),
    };
    terminal.learn(&prompt);
    let mut configuration = String::new();
    let mut open = String::new();
    // some of their recordings lack the prompts, too
    let shown = greeting.rsplit(['\n', '\r']).next().unwrap_or_default().trim();
    let prompted = commands.iter().any(|(_, answer)| answer.contains(shown));
    for (command, answer) in commands {
        let line = command.trim_end_matches('\n');
        if command == " " {
            if !matches!(terminal.seen(), Seen::Question(_)) {
                return Err(format!("the pager in `{open}` was not recognised: {}", terminal.tail(1)));
            }
            terminal.answer(" ", false);
        } else {
            if ["exit", "quit", "logout"].contains(&line.trim()) {
                break;
            }
            open = line.to_owned();
            terminal.send(line);
            // some of their recordings lack the echo
            if !answer.trim_start().starts_with(line.trim()) {
                terminal.push(format!("{line}\r\n").as_bytes());
            }
        }
        let greeted = greeting.rsplit('\n').next().unwrap_or_default();
        let answer = &if prompted { answer.clone() } else { format!("{answer}\r\n{greeted}") };
        // in pieces, as a network brings them
        for piece in answer.as_bytes().chunks(7) {
            terminal.push(piece);
        }
        match terminal.seen() {
            Seen::Prompt(_) => {
                let output = terminal.take();
                if is_configuration(&open) {
                    configuration = output;
                }
            }
            Seen::Question(_) => {}
            other => return Err(format!("`{open}` did not end: {other:?} {:?}", terminal.tail(2))),
        }
    }
    Ok(configuration)
}

/// The configuration that they store must hold every line that we read, in order, without what says nothing.
fn compare(page: &SessionPage, configuration: &str, stored: &str) -> Result<(), String> {
    let volatile = Patterns::new("volatile", &page.session.volatile).unwrap();
    let meaning = |text: &str| -> Vec<String> {
        text.lines().map(str::trim_end).filter(|line| !volatile.fits(line)).map(str::to_owned).collect()
    };
    let (ours, theirs) = (meaning(configuration), meaning(stored));
    if ours.is_empty() {
        return Err("no configuration was read".into());
    }
    let mut rest = theirs.as_slice();
    let mut missing = Vec::new();
    for line in &ours {
        match rest.iter().position(|other| other == line) {
            Some(at) => rest = &rest[at + 1..],
            None => missing.push(line.clone()),
        }
    }
    let last_is_there = ours.iter().rev().take(3).any(|line| theirs.iter().rev().take(4).any(|other| other == line));
    // their models leave out what changes often; a line is lost or torn when it is not theirs and most are
    if missing.len() * 50 > ours.len() + 150 || !last_is_there {
        return Err(format!(
            "{} of {} lines are not in theirs, for example {:?}",
            missing.len(),
            ours.len(),
            missing.first()
        ));
    }
    Ok(())
}

#[test]
fn whole_dialogues_are_read() {
    let Some(folder) = conformance() else { return };
    let (mut cases, mut misses, mut others) = (0, Vec::new(), Vec::new());
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("oxidized/data")).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix("simulation.yaml") else { continue };
        let model = name.split('#').next().unwrap_or_default();
        let Some(page) = page_of(model) else {
            others.push(model.to_owned());
            continue;
        };
        let Some((greeting, commands)) = dialogue(&path) else { panic!("{name} cannot be read") };
        if greeting.trim().is_empty() {
            continue; // recorded without a terminal
        }
        cases += 1;
        let stored = std::fs::read_to_string(path.with_file_name(format!("{stem}output.txt"))).unwrap_or_default();
        let result = play(&page, &greeting, &commands).and_then(|found| compare(&page, &found, &stored));
        if let Err(why) = result {
            misses.push(format!("{name}: {why}"));
        }
    }
    others.dedup();
    crate::support::say(&format!("conformance: dialogues of platforms without a page: {}", others.join(", ")));
    judge("recorded dialogues of oxidized", cases, &misses, 95);
}

#[test]
fn prompts_alone_are_recognised() {
    let Some(folder) = conformance() else { return };
    let (mut cases, mut misses) = (0, Vec::new());
    for path in std::fs::read_dir(folder.join("oxidized/data")).unwrap().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with("#prompt.yaml") {
            continue;
        }
        let Some(page) = page_of(name.split('#').next().unwrap_or_default()) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(file) = serde_yaml::from_str::<serde_yaml::Value>(&text) else { panic!("{name} cannot be read") };
        for (kind, wanted) in [("pass", true), ("pass_with_expect", true), ("fail", false)] {
            for prompt in file.get(kind).and_then(|list| list.as_sequence()).into_iter().flatten() {
                let Some(prompt) = prompt.as_str() else { continue };
                cases += 1;
                let mut terminal = Terminal::new(&page.session).unwrap();
                terminal.push(prompt.as_bytes());
                let found = matches!(terminal.seen(), Seen::Unlearnt(_) | Seen::Question(_));
                if found != wanted {
                    misses.push(format!("{name}: {kind} {prompt:?}"));
                }
            }
        }
    }
    judge("prompts of oxidized", cases, &misses, 95);
}
