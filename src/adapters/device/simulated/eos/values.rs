//! Values that EOS does not keep as they were typed: secrets and lists of VLANs.

use std::collections::BTreeSet;

use base64::Engine as _;
use sha2::Digest as _;

/// Replaces a secret in clear by the form in which EOS stores it. The form is recognisable, the hash is not real.
pub(super) fn hide_secret(words: &[String]) -> String {
    let secret = |(at, word): (usize, &String)| match words[0].as_str() {
        "neighbor" => at == 2 && word == "password",
        _ => word == "secret" || word == "password",
    };
    let Some(at) = words.iter().enumerate().position(secret) else { return words.join(" ") };
    let kind = words.get(at + 1).map_or("", String::as_str);
    let plain = match (kind, words.get(at + 2)) {
        ("0", Some(plain)) => plain,
        (_, None) if !kind.is_empty() => &words[at + 1],
        _ => return words.join(" "),
    };
    let digest = sha2::Sha512::digest(format!("{} {plain}", words[..at].join(" ")).as_bytes());
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest).replace('+', ".");
    let hidden = match words[at].as_str() {
        "secret" => format!("secret sha512 $6${}${text}", &text[..16]),
        _ => format!("password 7 {}==", &text[..22]),
    };
    let tail = if kind == "0" { &words[at + 3..] } else { &words[at + 2..] };
    let parts = [words[..at].join(" "), hidden, tail.join(" ")];
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// The VLANs of a trunk after `10,20`, `add …`, `remove …`, `except …`, `all` or `none`.
pub(super) fn changed_vlans(old: Option<&str>, change: &str) -> String {
    let mut vlans = vlan_set(old.unwrap_or("1-4094"));
    let (verb, list) = change.split_once(' ').unwrap_or(("", change));
    let list = vlan_set(list);
    match verb {
        "add" => vlans.extend(list),
        "remove" => vlans.retain(|vlan| !list.contains(vlan)),
        "except" => vlans = (1..=4094).filter(|vlan| !list.contains(vlan)).collect(),
        _ => vlans = list,
    }
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for vlan in vlans {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == vlan => *end = vlan,
            _ => ranges.push((vlan, vlan)),
        }
    }
    if ranges.is_empty() {
        return "none".to_owned();
    }
    let text = |(start, end): (u16, u16)| if start == end { start.to_string() } else { format!("{start}-{end}") };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(",")
}

fn vlan_set(text: &str) -> BTreeSet<u16> {
    let text = if text == "all" { "1-4094" } else { text };
    let range = |part: &str| {
        let (start, end) = part.split_once('-').unwrap_or((part, part));
        Some(start.trim().parse::<u16>().ok()?..=end.trim().parse::<u16>().ok()?.min(4094))
    };
    text.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(line: &str) -> String {
        hide_secret(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn secrets_in_clear_are_not_kept() {
        for line in ["username a role b secret 0 pw", "username a secret pw", "enable secret pw"] {
            let hidden = hidden(line);
            assert!(hidden.contains(" secret sha512 $6$") && !hidden.ends_with("pw"), "{hidden}");
        }
        assert!(hidden("neighbor 10.0.0.1 password pw").starts_with("neighbor 10.0.0.1 password 7 "));
        for line in ["username a secret sha512 $6$x$y", "username a nopassword", "neighbor a description password x"] {
            assert_eq!(hidden(line), line);
        }
    }

    #[test]
    fn lists_of_vlans_add_up() {
        assert_eq!(changed_vlans(Some("10,20"), "add 11-12"), "10-12,20");
        assert_eq!(changed_vlans(Some("10-12"), "remove 11"), "10,12");
        assert_eq!(changed_vlans(None, "none"), "none");
        assert_eq!(changed_vlans(None, "except 2-4094"), "1");
        assert_eq!(changed_vlans(Some("1"), "3,2"), "2-3");
    }
}
