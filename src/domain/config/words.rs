//! The words of a command and what kind of thing each one names: an address, an interface, a number.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// What a word names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    /// A word that means itself.
    Literal,
    /// The name of a device of the plan.
    Host,
    /// An IPv4 address.
    Address4,
    /// An IPv6 address.
    Address6,
    /// An IPv4 prefix.
    Prefix4,
    /// An IPv6 prefix.
    Prefix6,
    /// A hardware address.
    Mac,
    /// An interface.
    Interface,
    /// A decimal number.
    Number,
    /// Any other word with a number in it: `RM-CUST-12`, `65000:100`.
    Name,
}

/// A part of a text; all parts together are the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The characters.
    pub(super) text: String,
    /// What it names.
    pub(super) shape: Shape,
    /// Whether the text ends here.
    pub(super) last: bool,
}

/// Beginnings of interface names, in lower case; a digit follows.
const INTERFACES: &[&str] = &[
    "ethernet", "fastethernet", "gigabitethernet", "tengigabitethernet", "twentyfivegige", "fortygigabitethernet",
    "hundredgige", "hundredgigabitethernet", "tengige", "fortygige", "fourhundredgige", "twogigabitethernet",
    "fivegigabitethernet", "bundle-ether", "port-channel", "loopback", "tunnel", "vlan", "vlanif", "vlan-interface",
    "eth-trunk", "bridge-aggregation", "bvi", "nve", "management", "mgmt", "mgmteth", "serial", "dialer", "irb", "lo",
    "eth", "ens", "eno", "swp", "bond", "br", "vxlan", "dum", "wg", "vtun", "ge-", "xe-", "et-", "ae", "fxp", "em",
    "fa", "gi", "te", "po", "et", "xge", "10ge", "25ge", "40ge", "100ge", "meth", "lag", "port", "ten-gigabitethernet",
    "ethernet-", "sfp", "sfp-sfpplus", "ether", "tengigabit", "system",
];

impl Shape {
    /// Returns the word for placeholders.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Literal => "word",
            Self::Host => "device",
            Self::Address4 | Self::Address6 => "address",
            Self::Prefix4 | Self::Prefix6 => "prefix",
            Self::Mac => "mac",
            Self::Interface => "interface",
            Self::Number => "number",
            Self::Name => "name",
        }
    }

    /// Returns what words have in common that may stand for each other.
    pub(super) fn skeleton(self, text: &str) -> String {
        match self {
            Self::Literal => format!("={text}"),
            Self::Interface | Self::Name => format!("{self:?} {}", digits_out(text)),
            _ => format!("{self:?}"),
        }
    }
}

/// Writes every run of digits as one `#`.
fn digits_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// Splits a text into words and what stands between them.
pub(super) fn pieces(text: &str, hosts: &BTreeSet<&str>) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let space = rest.len() - rest.trim_start().len();
        let (between, after) = rest.split_at(space);
        let length = after.find(char::is_whitespace).unwrap_or(after.len());
        let (word, after) = after.split_at(length);
        let bare = word.trim_start_matches(['"', '\'', '[', '(', '{']);
        let (before, bare) = word.split_at(word.len() - bare.len());
        let core = bare.trim_end_matches(['"', '\'', ']', ')', '}', ';', ',']);
        push(&mut out, &format!("{between}{before}"), Shape::Literal);
        push(&mut out, core, shape(core, hosts));
        push(&mut out, &bare[core.len()..], Shape::Literal);
        rest = after;
    }
    match out.last_mut() {
        Some(piece) => piece.last = true,
        None => out.push(Piece { text: String::new(), shape: Shape::Literal, last: true }),
    }
    out
}

fn push(out: &mut Vec<Piece>, text: &str, shape: Shape) {
    if !text.is_empty() {
        out.push(Piece { text: text.to_owned(), shape, last: false });
    }
}

/// Tells what a word names.
pub(super) fn shape(word: &str, hosts: &BTreeSet<&str>) -> Shape {
    if hosts.contains(word) {
        return Shape::Host;
    }
    if !word.bytes().any(|b| b.is_ascii_digit()) && !word.contains("::") {
        return Shape::Literal;
    }
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return Shape::Number;
    }
    match (word.parse::<IpAddr>(), word.parse::<IpNet>()) {
        (Ok(IpAddr::V4(_)), _) => return Shape::Address4,
        (Ok(IpAddr::V6(_)), _) => return Shape::Address6,
        (_, Ok(IpNet::V4(_))) => return Shape::Prefix4,
        (_, Ok(IpNet::V6(_))) => return Shape::Prefix6,
        _ => {}
    }
    if is_mac(word) {
        return Shape::Mac;
    }
    // The masks and placeholders that the texts already carry mean themselves.
    if word.contains(['*', '{']) {
        return Shape::Literal;
    }
    if is_interface(word) { Shape::Interface } else { Shape::Name }
}

fn is_mac(word: &str) -> bool {
    let groups: Vec<&str> = word.split([':', '-', '.']).collect();
    let length = match groups.len() {
        6 => 2,
        3 => 4,
        _ => return false,
    };
    groups.iter().all(|group| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Tells whether a word is the name of an interface: a known beginning and numbers, or numbers with slashes.
pub(super) fn is_interface(word: &str) -> bool {
    let numbers = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'.' | b':' | b'-'))
    };
    if word.contains('/') && numbers(word) {
        return true;
    }
    let lower = word.to_ascii_lowercase();
    INTERFACES.iter().any(|start| lower.strip_prefix(start).is_some_and(numbers))
}

/// Tells whether a double quotation is open behind a piece of text; `open` says whether it was before.
pub(super) fn is_quote_open(part: &str, mut open: bool) -> bool {
    let mut escaped = false;
    for byte in part.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => open = !open,
            _ => {}
        }
    }
    open
}
