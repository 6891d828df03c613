//! Broken, strange and spliced texts, all of them a function of one number, so that each case can be made again.

use std::path::Path;

/// Words that mean something to some syntax or to some code that reads it.
const WORDS: &[&str] = &[
    "no", "undo", "delete", "set", "unset", "config", "edit", "next", "end", "exit", "quit", "add", "remove", "find",
    "{", "}", "[", "]", ";", "\"", "'", "\\", "/*", "*/", "#", "!", "//", ",", ":", "=", "-", "|", "<", ">", "(", ")",
    "&x", "*x", "- ", "? ", "!!map", "1-4094", "10,20-30", "1-4294967295", "4294967296", "0", "-1", "1 to 4094", "to",
    "none", "all", "Ethernet1-48", "Eth1/1-1/48", "10.0.0.0/8", "255.255.255.255", "::/0", "fe80::1%eth0",
    "banner motd ^C", "^C", "EOF", "\u{0}", "\u{7f}", "\u{feff}", "\u{2028}", "é", "日本", "\u{1b}[K", "\u{8}", "\r",
    "\t", "  ", "seq", "permit", "deny", "description", "address-family ipv4", "exit-address-family", "inactive:",
    "deactivate", "replace:", "/ip address", "set [find name=a]", "null", "true", "{}", "[]", "\"\"", "\\\"",
    "\\u0000", "1e999",
];

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Choices(pub(super) u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`; 0 when there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }
}

/// Returns the sample configurations of a platform.
pub(super) fn corpus(platform: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platforms").join(platform);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Makes a text out of samples: some lines of one, changed a few times.
pub(super) fn text(choices: &mut Choices, samples: &[String]) -> Vec<u8> {
    let mut bytes = match choices.below(10) {
        0 => (0..choices.below(200)).map(|_| choices.next().to_le_bytes()[0]).collect(),
        1 => (0..choices.below(60))
            .flat_map(|_| [choices.word(), [" ", "\n", ""][choices.below(3)]].concat().into_bytes())
            .collect(),
        _ => {
            let lines: Vec<&str> = samples[choices.below(samples.len())].lines().collect();
            let from = choices.below(lines.len());
            let count = 1 + choices.below(40);
            let mut out = lines[from..].iter().take(count).copied().collect::<Vec<_>>().join("\n").into_bytes();
            out.push(b'\n');
            out
        }
    };
    for _ in 0..choices.below(6) {
        change(choices, &mut bytes, samples);
    }
    bytes
}

/// Makes a text that differs a little from another one.
pub(super) fn neighbour(choices: &mut Choices, text: &[u8], samples: &[String]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=choices.below(4) {
        change(choices, &mut bytes, samples);
    }
    bytes
}

/// Changes a text in one way.
fn change(choices: &mut Choices, bytes: &mut Vec<u8>, samples: &[String]) {
    let at = choices.below(bytes.len() + 1);
    let length = choices.below(24).min(bytes.len() - at);
    match choices.below(12) {
        0 if at < bytes.len() => bytes[at] ^= 1 << choices.below(8),
        1 => drop(bytes.splice(at..at + length, [])),
        2 => drop(bytes.splice(at..at, choices.word().bytes())),
        3 => drop(bytes.splice(at..at, choices.next().to_le_bytes())),
        4 => {
            // A part once more, somewhere else.
            let part = bytes[at..at + length].to_vec();
            let to = choices.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        5 => {
            let unit = format!("{}{}", choices.word(), [" ", "\n", ""][choices.below(3)]);
            bytes.splice(at..at, unit.repeat(1 + choices.below(80)).into_bytes());
        }
        6 => swap_words(choices, bytes),
        7 => with_lines(bytes, |lines| {
            let (a, b) = (choices.below(lines.len()), choices.below(lines.len()));
            lines.swap(a, b);
        }),
        8 => with_lines(bytes, |lines| drop(lines.remove(choices.below(lines.len())))),
        9 => with_lines(bytes, |lines| {
            // Another indentation: another section, or none.
            let at = choices.below(lines.len());
            let line = &mut lines[at];
            let text = String::from_utf8_lossy(line).trim_start().to_owned();
            *line = format!("{}{text}", " ".repeat(choices.below(6))).into_bytes();
        }),
        10 => {
            let sample = &samples[choices.below(samples.len())];
            let lines: Vec<&str> = sample.lines().collect();
            let line = lines[choices.below(lines.len())];
            with_lines(bytes, |own| own.insert(choices.below(own.len() + 1), line.as_bytes().to_vec()));
        }
        _ => {
            let depth = 1 + choices.below(90);
            let nested: String =
                (0..depth).map(|level| format!("{}a{level}{}\n", " ".repeat(level), [" {", ""][level % 2])).collect();
            bytes.splice(at..at, nested.into_bytes());
        }
    }
}

fn with_lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut lines);
    *bytes = lines.join(&b'\n');
}

fn swap_words(choices: &mut Choices, bytes: &mut Vec<u8>) {
    let mut words: Vec<Vec<u8>> = bytes.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let (a, b) = (choices.below(words.len()), choices.below(words.len()));
    if choices.below(2) == 0 {
        words.swap(a, b);
    } else {
        words[a] = choices.word().as_bytes().to_vec();
    }
    *bytes = words.join(&b' ');
}
