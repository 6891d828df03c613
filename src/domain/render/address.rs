//! Filters about addresses: `ipaddr` and its family, with the names of `ansible.utils`. An address that is not one is an
//! error that names it, except for `ipaddr` without a query, which answers false.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use super::environment::{names, wrong};
use crate::domain::limits::RANGE_ITEMS_MAX;

/// Adds the filters and tests.
pub(super) fn add(env: &mut Environment<'static>) {
    for name in names("ipaddr") {
        env.add_filter(name, |value: &Value, query: Option<Value>| ipaddr(value, query.as_ref(), None));
    }
    for name in names("ipv4") {
        env.add_filter(name, |value: &Value, query: Option<Value>| ipaddr(value, query.as_ref(), Some(4)));
    }
    for name in names("ipv6") {
        env.add_filter(name, |value: &Value, query: Option<Value>| ipaddr(value, query.as_ref(), Some(6)));
    }
    for name in names("ipsubnet") {
        env.add_filter(name, ipsubnet);
    }
    for name in names("ipmath") {
        env.add_filter(name, |value: &Value, amount: i64| {
            Ok::<_, Error>(moved(address(value)?.ip, amount)?.to_string())
        });
    }
    for name in names("nthhost") {
        env.add_filter(name, |value: &Value, index: i64| Ok::<_, Error>(nth(&address(value)?, index)?.ip.to_string()));
    }
    for name in names("network_in_network") {
        env.add_filter(name, |outer: &Value, inner: &Value| {
            Ok::<_, Error>(address(outer)?.net().contains(&address(inner)?.net()))
        });
    }
    for name in names("cidr_merge") {
        env.add_filter(name, cidr_merge);
    }
    for name in names("ipwrap") {
        env.add_filter(name, |value: &Value| match read(&value.to_string()) {
            Some(Address { ip: IpAddr::V6(ip), .. }) => format!("[{ip}]"),
            _ => value.to_string(),
        });
    }
    for name in names("hwaddr") {
        env.add_filter(name, hwaddr);
    }
    env.add_test("ip_address", |value: &Value| read(&value.to_string()).is_some());
}

/// An address with its prefix length. A lone address has the whole length.
#[derive(Clone, Copy, Debug)]
struct Address {
    ip: IpAddr,
    prefix: u8,
    /// Whether the prefix was written.
    written: bool,
}

impl Address {
    fn bits(&self) -> u8 {
        if self.ip.is_ipv4() { 32 } else { 128 }
    }

    fn net(&self) -> IpNet {
        IpNet::new(self.ip, self.prefix).map_or_else(|_| IpNet::from(self.ip), |net| net.trunc())
    }

    fn shown(&self) -> String {
        if self.written { format!("{}/{}", self.ip, self.prefix) } else { self.ip.to_string() }
    }

    fn is_network(&self) -> bool {
        self.prefix < self.bits() && self.net().network() == self.ip
    }

    fn with(&self, ip: IpAddr) -> Self {
        Self { ip, ..*self }
    }
}

/// Reads `10.0.0.1`, `10.0.0.1/24`, `10.0.0.1/255.255.255.0`, `10.0.0.1 255.255.255.0` and the same of IPv6.
fn read(text: &str) -> Option<Address> {
    let text = text.trim();
    let Some((ip, length)) = text.split_once(['/', ' ']) else {
        let ip: IpAddr = text.parse().ok()?;
        return Some(Address { ip, prefix: if ip.is_ipv4() { 32 } else { 128 }, written: false });
    };
    let ip: IpAddr = ip.parse().ok()?;
    let prefix = match length.trim().parse::<u8>() {
        Ok(prefix) => prefix,
        Err(_) => ipnet::ip_mask_to_prefix(length.trim().parse().ok()?).ok()?,
    };
    IpNet::new(ip, prefix).ok()?;
    Some(Address { ip, prefix, written: true })
}

fn address(value: &Value) -> Result<Address, Error> {
    defined(value)?;
    read(&value.to_string()).ok_or_else(|| wrong(format!("{:?} is not an address or a prefix", value.to_string())))
}

/// The engine hands undefined values to filters: the missing variable is the mistake, not the address.
fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(()) }
}

fn ipaddr(value: &Value, query: Option<&Value>, version: Option<u8>) -> Result<Value, Error> {
    defined(value)?;
    let right = |address: &Address| version.is_none_or(|version| (version == 4) == address.ip.is_ipv4());
    let query = query.map(ToString::to_string).unwrap_or_default();
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        // Of a list only what fits stays.
        let mut found = Vec::new();
        for item in value.try_iter()? {
            if let Some(address) = read(&item.to_string()).filter(right) {
                found.extend(answer(&address, &query)?);
            }
        }
        return Ok(found.into_iter().collect());
    }
    match read(&value.to_string()).filter(right) {
        Some(address) => Ok(answer(&address, &query)?.unwrap_or_else(|| Value::from(false))),
        None if query.is_empty() => Ok(Value::from(false)),
        None => {
            let kind = version.map_or_else(String::new, |version| format!("IPv{version} "));
            Err(wrong(format!("{:?} is not an {kind}address or a prefix", value.to_string())))
        }
    }
}

/// Returns nothing when the address is not of the kind that is asked for.
fn answer(address: &Address, query: &str) -> Result<Option<Value>, Error> {
    let net = address.net();
    let text = |text: String| Ok(Some(Value::from(text)));
    let when = |holds: bool| Ok(holds.then(|| Value::from(address.shown())));
    match query {
        "" => text(address.shown()),
        "address" | "ip" => text(address.ip.to_string()),
        "address/prefix" | "ip/prefix" | "host/prefix" | "host" | "cidr" | "gateway" | "gw" | "hostnet" | "router" => {
            text(format!("{}/{}", address.ip, address.prefix))
        }
        "network" | "network_id" => text(net.network().to_string()),
        "network/prefix" | "subnet" => text(format!("{}/{}", net.network(), address.prefix)),
        "net" => Ok(address.is_network().then(|| Value::from(address.shown()))),
        "netmask" => text(net.netmask().to_string()),
        "hostmask" | "wildcard" => text(net.hostmask().to_string()),
        "prefix" => Ok(Some(Value::from(address.prefix))),
        "broadcast" => Ok((address.prefix + 2 <= address.bits()).then(|| Value::from(net.broadcast().to_string()))),
        "address_netmask" | "ip_netmask" => text(format!("{} {}", address.ip, net.netmask())),
        "ip_wildcard" | "address_wildcard" => text(format!("{} {}", address.ip, net.hostmask())),
        "network_netmask" => text(format!("{} {}", net.network(), net.netmask())),
        "network_wildcard" => text(format!("{} {}", net.network(), net.hostmask())),
        "size" => Ok(Some(Value::from(size(address)))),
        "first_usable" => usable(address, 1),
        "last_usable" => usable(address, -2),
        "next_usable" => neighbour(address, 1),
        "previous_usable" => neighbour(address, -1),
        "peer" => peer(address),
        "version" => Ok(Some(Value::from(if address.ip.is_ipv4() { 4 } else { 6 }))),
        "int" | "integer" => text(number(address.ip).to_string()),
        "ipv4" => when(address.ip.is_ipv4()),
        "ipv6" => when(address.ip.is_ipv6()),
        "loopback" => when(address.ip.is_loopback()),
        "multicast" => when(address.ip.is_multicast()),
        "unicast" => when(!address.ip.is_multicast()),
        "private" => when(is_private(address.ip)),
        "link-local" => when(is_link_local(address.ip)),
        other => match (other.parse::<i64>(), read(other)) {
            (Ok(index), _) => text(nth(address, index)?.shown()),
            (Err(_), Some(outer)) => when(outer.net().contains(&net)),
            (Err(_), None) => Err(wrong(format!("the query {other:?} of ipaddr is not known"))),
        },
    }
}

fn size(address: &Address) -> u128 {
    1_u128.checked_shl(u32::from(address.bits() - address.prefix)).unwrap_or(u128::MAX)
}

/// The address with that index in the network; negative ones count from the end.
fn nth(address: &Address, index: i64) -> Result<Address, Error> {
    let size = size(address);
    let steps = u128::from(index.unsigned_abs());
    let offset = if index >= 0 { Some(steps) } else { size.checked_sub(steps) };
    let offset = offset.filter(|offset| *offset < size);
    let offset = offset.ok_or_else(|| wrong(format!("{} has no address number {index}", address.net())))?;
    Ok(address.with(from_number(number(address.net().network()).saturating_add(offset), address.ip)))
}

/// A network of two or of one has no network address and no broadcast (RFC 3021, RFC 6164).
fn usable(address: &Address, index: i64) -> Result<Option<Value>, Error> {
    let index = match (size(address), index) {
        (1, _) => 0,
        (2, 1) => 0,
        (2, _) => 1,
        (_, index) => index,
    };
    Ok(Some(Value::from(nth(address, index)?.ip.to_string())))
}

fn neighbour(address: &Address, step: i64) -> Result<Option<Value>, Error> {
    let ip = moved(address.ip, step)?;
    let net = address.net();
    let wide = size(address) > 2;
    let is_usable = net.contains(&ip) && !(wide && (ip == net.network() || (ip.is_ipv4() && ip == net.broadcast())));
    Ok(is_usable.then(|| Value::from(ip.to_string())))
}

/// The other end of a link of two: /31, /127, /30, /126.
fn peer(address: &Address) -> Result<Option<Value>, Error> {
    let offset = number(address.ip) - number(address.net().network());
    let other = match (size(address), offset) {
        (2, 0) => 1,
        (2, _) => 0,
        (4, 1) => 2,
        (4, 2) => 1,
        _ => return Err(wrong(format!("{} is not an end of a link of two", address.shown()))),
    };
    Ok(Some(Value::from(nth(address, other)?.ip.to_string())))
}

fn moved(ip: IpAddr, amount: i64) -> Result<IpAddr, Error> {
    let (start, steps) = (number(ip), u128::from(amount.unsigned_abs()));
    let limit = if ip.is_ipv4() { u128::from(u32::MAX) } else { u128::MAX };
    let end = if amount >= 0 { start.checked_add(steps) } else { start.checked_sub(steps) };
    let end = end.filter(|end| *end <= limit);
    Ok(from_number(end.ok_or_else(|| wrong(format!("{ip} {amount:+} is not an address")))?, ip))
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn from_number(number: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// `'10.0.0.0/16' | ipsubnet(24)` counts the parts, `| ipsubnet(24, 1)` gives the second one (`-1` the last one);
/// for a smaller prefix length than its own, the network around.
fn ipsubnet(value: &Value, length: u8, index: Option<i64>) -> Result<Value, Error> {
    let outer = address(value)?;
    if length > outer.bits() {
        return Err(wrong(format!("/{length} is longer than the addresses of {}", outer.net())));
    }
    if length < outer.prefix {
        let around = Address { prefix: length, ..outer };
        return Ok(Value::from(around.net().to_string()));
    }
    let shift = u32::from(length - outer.prefix);
    let count = 1_u128.checked_shl(shift).unwrap_or(u128::MAX);
    let Some(index) = index else { return Ok(Value::from(count)) };
    let steps = u128::from(index.unsigned_abs());
    let position = if index >= 0 { Some(steps) } else { count.checked_sub(steps) };
    let position = position.filter(|position| *position < count);
    let position = position.ok_or_else(|| wrong(format!("{} has no /{length} number {index}", outer.net())))?;
    let step = 1_u128.checked_shl(u32::from(outer.bits() - length)).unwrap_or(0);
    let start = number(outer.net().network()).saturating_add(position.saturating_mul(step));
    Ok(Value::from(format!("{}/{length}", from_number(start, outer.ip))))
}

fn cidr_merge(value: &Value) -> Result<Vec<String>, Error> {
    let (mut four, mut six) = (Vec::<Ipv4Net>::new(), Vec::<Ipv6Net>::new());
    for item in value.try_iter()?.take(RANGE_ITEMS_MAX) {
        match address(&item)?.net() {
            IpNet::V4(net) => four.push(net),
            IpNet::V6(net) => six.push(net),
        }
    }
    let (mut four, mut six) = (Ipv4Net::aggregate(&four), Ipv6Net::aggregate(&six));
    four.sort();
    six.sort();
    Ok(four.iter().map(ToString::to_string).chain(six.iter().map(ToString::to_string)).collect())
}

/// A MAC address in the form that a platform prints: `linux` (default), `cisco`, `bare`, `pgsql`, `unix`, `win`, `bool`.
fn hwaddr(value: &Value, form: Option<&str>) -> Result<Value, Error> {
    let text = value.to_string();
    let digits: String =
        text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect::<String>().to_ascii_lowercase();
    let is_mac = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if matches!(form, Some("bool")) {
        return Ok(Value::from(is_mac));
    }
    if !is_mac {
        return Err(wrong(format!("{text:?} is not a MAC address")));
    }
    let split = |size: usize, sign: &str| {
        let parts: Vec<&str> = (0..12).step_by(size).map(|at| &digits[at..at + size]).collect();
        parts.join(sign)
    };
    Ok(Value::from(match form.unwrap_or("linux") {
        "linux" | "eui48" | "unix" => split(2, ":"),
        "cisco" => split(4, "."),
        "bare" => digits.clone(),
        "pgsql" => format!("{}:{}", &digits[..6], &digits[6..]),
        "win" => split(2, "-").to_ascii_uppercase(),
        "huawei" => split(4, "-"),
        other => return Err(wrong(format!("the form {other:?} of hwaddr is not known"))),
    }))
}
