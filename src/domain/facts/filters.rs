//! What mappings can do with a value: the forms of addresses, speeds, times and names that devices write, as one form.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::domain::parse::excerpt;

/// Makes the environment in which the expressions of pages run.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("many", |value: Value| many(&value));
    environment.add_filter("text", |value: Value| leaf(&value));
    environment.add_filter("number", |value: Value| number(&word(&value)?));
    environment.add_filter("whole", |value: Value| whole(&word(&value)?));
    environment.add_filter("mac", |value: Value| mac(&word(&value)?).ok_or_else(|| odd("MAC address", &value)));
    environment.add_filter("mac_or_text", |value: Value| word(&value).map(|text| mac(&text).unwrap_or(text)));
    environment.add_filter("ip", |value: Value| ip(&word(&value)?).ok_or_else(|| odd("IP address", &value)));
    environment.add_filter("mbits", |value: Value| mbits(&word(&value)?).ok_or_else(|| odd("speed", &value)));
    environment.add_filter("seconds", |value: Value| seconds(&word(&value)?).ok_or_else(|| odd("duration", &value)));
    environment.add_filter("mask", |value: Value| mask(&word(&value)?).ok_or_else(|| odd("network mask", &value)));
    environment.add_filter("asn", |value: Value| asn(&word(&value)?).ok_or_else(|| odd("AS number", &value)));
    environment.add_filter("interface", |value: Value| word(&value).map(|text| interface(&text)));
    environment.add_filter("search", search);
    environment.add_filter("by", by);
    environment.add_filter("grouped", grouped);
    environment
}

fn odd(what: &str, value: &Value) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{:?} is no {what}", excerpt(&value.to_string())))
}

/// Returns the text of a value that must be there.
fn word(value: &Value) -> Result<String, Error> {
    let value = leaf(value)?;
    Ok(value.to_string().trim().to_owned())
}

/// Returns a leaf of JSON or XML; an XML element with attributes holds its text inside.
fn leaf(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::new(ErrorKind::UndefinedError, "the device says nothing about it")),
        ValueKind::Map => Ok(value.get_item(&Value::from("#text"))?),
        _ => Ok(value.clone()),
    }
}

fn many(value: &Value) -> Value {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Value::from(Vec::<Value>::new()),
        ValueKind::Seq | ValueKind::Iterable => value.clone(),
        ValueKind::String if value.to_string().is_empty() => Value::from(Vec::<Value>::new()),
        _ => Value::from(vec![value.clone()]),
    }
}

/// Reads a number as devices write it: commas between thousands, nothing behind it.
fn number(text: &str) -> Result<Value, Error> {
    let plain = text.replace(',', "");
    if let Ok(number) = plain.parse::<i64>() {
        return Ok(Value::from(number));
    }
    plain
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .map(Value::from)
        .ok_or_else(|| odd("number", &Value::from(text)))
}

#[expect(clippy::cast_possible_truncation, reason = "parts of a unit are not wanted here")]
fn whole(text: &str) -> Result<Value, Error> {
    let value = number(text)?;
    i64::try_from(value.clone()).or_else(|_| f64::try_from(value).map(|number| number as i64)).map(Value::from)
}

/// Writes a MAC address as `AA:BB:CC:DD:EE:FF`.
pub fn mac(text: &str) -> Option<String> {
    let separators = |c: char| matches!(c, ':' | '-' | '.');
    let groups: Vec<&str> = text.split(separators).collect();
    let digits: String = match groups.len() {
        // 0:1b:21:3:4:5, as some systems print it
        6 => groups.iter().map(|group| format!("{group:0>2}")).collect(),
        1..=3 => groups.concat(),
        _ => return None,
    };
    if digits.len() != 12 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let pairs: Vec<String> = (0..6).map(|at| digits[at * 2..at * 2 + 2].to_ascii_uppercase()).collect();
    Some(pairs.join(":"))
}

/// Writes an address in its shortest form (RFC 5952); a zone behind `%` stays.
pub fn ip(text: &str) -> Option<String> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let address = address.parse::<std::net::IpAddr>().ok()?.to_string();
    Some(zone.map_or(address.clone(), |zone| format!("{address}%{zone}")))
}

/// Reads a speed with its unit (bit/s without one) as Mbit/s.
fn mbits(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(text.len());
    let amount: f64 = text[..end].replace(',', "").parse().ok()?;
    let unit = text[end..].trim().to_ascii_lowercase();
    let unit = unit.trim_end_matches("/s").trim_end_matches("/sec").trim_end_matches("ps");
    let factor = match unit {
        "" | "b" | "bit" | "bits" => 1e-6,
        "k" | "kb" | "kbit" | "kbits" => 1e-3,
        "m" | "mb" | "mbit" | "mbits" => 1.0,
        "g" | "gb" | "gbit" | "gbits" => 1e3,
        "t" | "tb" | "tbit" | "tbits" => 1e6,
        _ => return None,
    };
    Some(amount * factor)
}

/// Reads a duration: `1y2w`, `3d12h`, `01:02:03`, `1d 02:03`, `2 weeks, 3 days`, or a plain number of seconds.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    if text == "never" {
        return Some(-1);
    }
    let mut total = 0_i64;
    let mut rest = text.as_str();
    let mut parts = 0;
    while !rest.is_empty() {
        rest = rest.trim_start_matches([' ', ',']).trim_start_matches("and ");
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
        let (amount, after) = rest.split_at(end);
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, behind) = after.split_at(unit_end);
        let value = if amount.contains(':') { clock(amount)? } else { amount.parse::<i64>().ok()? };
        total = total.checked_add(value.checked_mul(unit_of(unit, amount, parts)?)?)?;
        parts += 1;
        rest = behind;
    }
    (parts > 0).then_some(total)
}

fn unit_of(unit: &str, amount: &str, parts: usize) -> Option<i64> {
    Some(match unit {
        "" if amount.contains(':') || parts == 0 => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "wk" | "week" | "weeks" => 604_800,
        "y" | "yr" | "year" | "years" => 31_536_000,
        _ => return None,
    })
}

fn clock(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes] => Some(hours.checked_mul(3600)? + minutes.checked_mul(60)?),
        [hours, minutes, seconds] => Some(hours.checked_mul(3600)? + minutes.checked_mul(60)? + seconds),
        _ => None,
    }
}

/// Reads a network mask, `/24` or `24` as a prefix length.
fn mask(text: &str) -> Option<u8> {
    let text = text.trim_start_matches('/');
    if let Ok(length) = text.parse::<u8>() {
        return (length <= 128).then_some(length);
    }
    let bits = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => u32::from(text.parse::<std::net::Ipv4Addr>().ok()?),
    };
    let length = bits.leading_ones();
    (length + bits.trailing_zeros().min(32 - length) == 32).then(|| u8::try_from(length).ok()).flatten()
}

/// Reads an AS number, also as two numbers with a dot (RFC 5396).
fn asn(text: &str) -> Option<u32> {
    match text.split_once('.') {
        Some((high, low)) => Some(u32::from(high.parse::<u16>().ok()?) << 16 | u32::from(low.parse::<u16>().ok()?)),
        None => text.parse().ok(),
    }
}

/// The short names of interfaces and the long ones.
const INTERFACES: &[(&str, &[&str])] = &[
    ("Bundle-Ether", &["be"]),
    ("Ethernet", &["et", "eth"]),
    ("FastEthernet", &["fa"]),
    ("FiveGigabitEthernet", &["fi"]),
    ("FortyGigabitEthernet", &["fo", "for"]),
    ("FortyGigE", &["fg"]),
    ("GigabitEthernet", &["gi", "gig"]),
    ("HundredGigE", &["hu"]),
    ("Loopback", &["lo"]),
    ("Management", &["ma"]),
    ("MgmtEth", &["mg"]),
    ("Port-channel", &["po"]),
    ("Serial", &["se"]),
    ("TenGigabitEthernet", &["te", "tengi", "tengige"]),
    ("Tunnel", &["tu"]),
    ("TwentyFiveGigE", &["twe"]),
    ("TwoGigabitEthernet", &["tw"]),
    ("Vlan", &["vl"]),
];

/// Writes the long name of an interface; a name that is not short stays.
pub fn interface(text: &str) -> String {
    let end = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (name, number) = text.split_at(end);
    let short = name.trim().to_ascii_lowercase();
    match INTERFACES.iter().find(|(_, shorts)| !number.is_empty() && shorts.contains(&short.as_str())) {
        Some((long, _)) => format!("{long}{number}"),
        None => text.to_owned(),
    }
}

/// Searches a text: gives the groups of the pattern, the only group alone, or nothing.
fn search(value: Value, pattern: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let all = kwargs.get::<Option<bool>>("all")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let text = word(&value)?;
    let pattern = regex::RegexBuilder::new(pattern)
        .multi_line(true)
        .build()
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    let groups = |found: regex::Captures<'_>| {
        let mut groups = found.iter().map(|group| Value::from(group.map_or("", |group| group.as_str())));
        let whole = groups.next().unwrap_or_default();
        let groups: Vec<Value> = groups.collect();
        match groups.as_slice() {
            [] => whole,
            [one] => one.clone(),
            _ => Value::from(groups),
        }
    };
    if all {
        return Ok(pattern.captures_iter(&text).map(groups).collect());
    }
    Ok(pattern.captures(&text).map_or(Value::UNDEFINED, groups))
}

/// Makes an object of a list: each item under the text of one of its fields.
fn by(list: Value, field: &str) -> Result<Value, Error> {
    let mut object = std::collections::BTreeMap::new();
    for item in many(&list).try_iter()? {
        let key = word(&item.get_attr(field)?)?;
        object.entry(key).or_insert(item);
    }
    Ok(Value::from_pairs(object))
}

/// Makes an object of lists: the items under the texts of some of their fields, with blanks between them.
fn grouped(list: Value, fields: Rest<String>) -> Result<Value, Error> {
    let mut object = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for item in many(&list).try_iter()? {
        let words = fields.iter().map(|field| word(&item.get_attr(field)?));
        let key = words.collect::<Result<Vec<String>, Error>>()?.join(" ");
        object.entry(key).or_default().push(item);
    }
    Ok(Value::from_pairs(object.into_iter().map(|(key, items)| (key, Value::from(items)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_one_form() {
        for text in ["aabb.ccdd.0eff", "AA-BB-CC-DD-0E-FF", "aa:bb:cc:dd:e:ff", "aabbcc-dd0eff", "aabbccdd0eff"] {
            assert_eq!(mac(text).as_deref(), Some("AA:BB:CC:DD:0E:FF"), "{text}");
        }
        assert_eq!(mac("eth0"), None);
        assert_eq!(ip("2001:0DB8:0:0:0:0:0:1").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip("fe80::1%eth0").as_deref(), Some("fe80::1%eth0"));
        assert_eq!(mask("255.255.254.0"), Some(23));
        assert_eq!(mask("255.0.255.0"), None);
        assert_eq!((asn("65001.1028"), asn("64512")), (Some(4_259_906_564), Some(64_512)));
        assert_eq!(interface("Gi0/1.5"), "GigabitEthernet0/1.5");
        assert_eq!(interface("Ethernet1"), "Ethernet1");
    }

    #[test]
    fn speeds_and_times_have_one_unit() {
        for (text, expected) in
            [("1000Mbps", 1000.0), ("10 Gb/s", 10_000.0), ("100000 Kbit", 100.0), ("1000000000", 1000.0)]
        {
            assert_eq!(mbits(text), Some(expected), "{text}");
        }
        for (text, expected) in [
            ("1y2w", 32_745_600),
            ("2w3d", 1_468_800),
            ("3d12h", 302_400),
            ("01:02:03", 3723),
            ("1d 02:03", 93_780),
            ("2 weeks, 1 day, 3 hours, 4 minutes", 1_306_840 + 200),
            ("77", 77),
            ("never", -1),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        assert_eq!((seconds("soon"), seconds(""), mbits("fast")), (None, None, None));
    }
}
