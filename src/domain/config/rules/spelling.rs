//! Equal lines, equal text: the spellings of one line that mean the same, written in one way.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use regex::Regex;

use super::dialect::Dialect;

/// Writes a line in the one way in which lines are compared.
pub(super) fn canonical(dialect: &Dialect, text: &str) -> String {
    let mut text = text.to_owned();
    if dialect.page.single_spaces && text.contains("  ") {
        text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    }
    for (regex, with) in &dialect.replace {
        if let Cow::Owned(new) = regex.replace_all(&text, with.as_str()) {
            text = new;
        }
    }
    for regex in &dialect.prefixes {
        change_group(regex, &mut text, |prefix| Some(prefix.parse::<ipnet::IpNet>().ok()?.trunc().to_string()));
    }
    for regex in &dialect.dotted {
        change_group(regex, &mut text, |number| {
            Some(std::net::Ipv4Addr::from(number.parse::<u32>().ok()?).to_string())
        });
    }
    for regex in &dialect.word_sets {
        change_group(regex, &mut text, |words| Some(sorted(words)));
    }
    if dialect.page.short_ipv6 && text.contains(':') {
        text = text.split(' ').map(short_ipv6).collect::<Vec<_>>().join(" ");
    }
    text
}

fn change_group(regex: &Regex, text: &mut String, change: impl Fn(&str) -> Option<String>) {
    if let Some(group) = regex.captures(text).and_then(|found| found.get(1))
        && let Some(new) = change(group.as_str())
    {
        let range = group.range();
        text.replace_range(range, &new);
    }
}

fn short_ipv6(word: &str) -> Cow<'_, str> {
    if word.bytes().filter(|byte| *byte == b':').count() < 2 {
        return word.into();
    }
    if let Ok(address) = word.parse::<Ipv6Addr>() {
        return address.to_string().into();
    }
    word.parse::<Ipv6Net>().map_or(word.into(), |net| format!("{}/{}", net.addr(), net.prefix_len()).into())
}

/// Returns words in order, numbers (`65001:9`) by their value and before everything else, each once.
fn sorted(words: &str) -> String {
    let numbers = |word: &str| word.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    let mut all: Vec<&str> = words.split_ascii_whitespace().collect();
    all.sort_by(|a, b| match (numbers(a), numbers(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    });
    all.dedup();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_addresses_have_one_spelling() {
        assert_eq!(sorted("no-export 65001:10 65001:9 65001:10"), "65001:9 65001:10 no-export");
        assert_eq!(short_ipv6("2001:DB8:0::1/64"), "2001:db8::1/64");
        assert_eq!(short_ipv6("65001:1:1"), "65001:1:1");
        assert_eq!(short_ipv6("FE80::1"), "fe80::1");
    }
}
