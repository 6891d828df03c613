//! The configuration language of the simulated Arista EOS as one table, in the order in which it is printed.
//!
//! `word|word` are keywords; `<type>` is a word that tells entries apart; `{type}` is a value that a new line
//! replaces; `[…]` may be left out at the end. The order of sections and lines follows what EOS 4.2x and 4.3x print.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv4Net};

pub(super) const GLOBAL: u32 = 1;
pub(super) const PORT: u32 = 1 << 1;
pub(super) const LOGICAL: u32 = 1 << 2;
pub(super) const BGP: u32 = 1 << 3;
pub(super) const BGP_FAMILY: u32 = 1 << 4;
pub(super) const BGP_VRF: u32 = 1 << 5;
pub(super) const BGP_MAC: u32 = 1 << 6;
pub(super) const OSPF: u32 = 1 << 7;
pub(super) const ROUTE_MAP: u32 = 1 << 8;
pub(super) const PREFIX_LIST: u32 = 1 << 9;
pub(super) const ACL: u32 = 1 << 10;
pub(super) const VLAN: u32 = 1 << 11;
pub(super) const VRF: u32 = 1 << 12;
pub(super) const API: u32 = 1 << 13;
pub(super) const FREE: u32 = 1 << 14;
/// The context of an interface depends on its name.
pub(super) const INTERFACE: u32 = PORT | LOGICAL;
const PEERS: u32 = BGP | BGP_FAMILY | BGP_VRF;

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Is printed when it was typed; `no` removes it.
    Item,
    /// Like an item, but `no` with a value removes only that value.
    Exact,
    /// Is in force unless `no` was typed; only the `no` form is printed.
    On,
    /// Is printed in either form.
    Either,
    /// Opens a section of this context; the label stands in the prompt, a leading `+` adds to the section's own.
    Section(u32, &'static str),
    /// Only with `no`: removes every line that begins so.
    Purge,
    /// Words that are known but not understood; `no` removes every line that begins so.
    Loose,
    /// Is followed by text until `EOF`.
    Text,
    /// An entry that begins with its sequence number.
    Numbered,
    /// An entry that gets the next sequence number, which is written after this word.
    Unnumbered(&'static str),
    /// A section of this many words and a line in it at once.
    Into(usize),
}
use Kind::{Either, Exact, Into, Item, Loose, Numbered, On, Purge, Section, Text, Unnumbered};

#[rustfmt::skip]
const TABLE: &[(u32, &str, Kind)] = &[
    (GLOBAL, "daemon <name>", Section(FREE, "daemon-{1}")),
    (GLOBAL, "event-handler <name>", Section(FREE, "handler-{1}")),
    (GLOBAL, "agent|alias|errdisable|hardware|lacp|lldp|load-interval|monitor|platform|policy|port-channel|prompt|ptp|qos|queue-monitor|sflow|system|tcam|terminal|trace|tunnel <rest>", Loose),
    (GLOBAL, "switchport default mode {routed|access}", Item),
    (GLOBAL, "transceiver qsfp default-mode {name}", Item),
    (GLOBAL, "service routing protocols model {multi-agent|ribd}", Item),
    (GLOBAL, "service <rest>", Loose),
    (GLOBAL, "logging source-interface {ifname}", Item),
    (GLOBAL, "logging buffered {rest}", Item),
    (GLOBAL, "logging console {name}", Item),
    (GLOBAL, "logging trap {name}", Item),
    (GLOBAL, "logging facility {name}", Item),
    (GLOBAL, "logging level <name> {name}", Item),
    (GLOBAL, "logging host <name> [{rest}]", Item),
    (GLOBAL, "logging on", On),
    (GLOBAL, "logging <rest>", Loose),
    (GLOBAL, "hostname {name}", Item),
    (GLOBAL, "ip domain-name {name}", Item),
    (GLOBAL, "dns domain {name}", Item),
    (GLOBAL, "ip domain <rest>", Loose),
    (GLOBAL, "ip name-server vrf <name> <ip>", Item),
    (GLOBAL, "ip name-server <ip>", Item),
    (GLOBAL, "ntp local-interface {rest}", Item),
    (GLOBAL, "ntp server vrf <name> <name> [{rest}]", Item),
    (GLOBAL, "ntp server <name> [{rest}]", Item),
    (GLOBAL, "ntp <rest>", Loose),
    (GLOBAL, "radius-server|tacacs-server|ip-sla|vmtracer <rest>", Loose),
    (GLOBAL, "snmp-server chassis-id {rest}", Item),
    (GLOBAL, "snmp-server contact {rest}", Item),
    (GLOBAL, "snmp-server location {rest}", Item),
    (GLOBAL, "snmp-server local-interface {ifname}", Item),
    (GLOBAL, "snmp-server community <name> [{rest}]", Item),
    (GLOBAL, "snmp-server host <name> [{rest}]", Item),
    (GLOBAL, "snmp-server <rest>", Loose),
    (GLOBAL, "spanning-tree mode {mstp|rstp|rapid-pvst|none}", Item),
    (GLOBAL, "spanning-tree mst <name> priority {0-61440}", Item),
    (GLOBAL, "spanning-tree vlan-id <name> priority {0-61440}", Item),
    (GLOBAL, "spanning-tree vlan-id <name>", On),
    (GLOBAL, "spanning-tree priority {0-61440}", Item),
    (GLOBAL, "spanning-tree <rest>", Loose),
    (GLOBAL, "aaa root [{rest}]", Item),
    (GLOBAL, "enable secret|password {rest}", Item),
    (GLOBAL, "aaa authentication login|enable <default|console> {rest}", Item),
    (GLOBAL, "aaa authorization <exec|commands|serial-console> {rest}", Item),
    (GLOBAL, "aaa <rest>", Loose),
    (GLOBAL, "username <name> ssh-key {rest}", Item),
    (GLOBAL, "username <name> {rest}", Item),
    (GLOBAL, "username <name>", Purge),
    (GLOBAL, "role <name>", Section(FREE, "role-{1}")),
    (GLOBAL, "clock timezone {name}", Item),
    (GLOBAL, "vlan internal order {rest}", Item),
    (GLOBAL, "vlan <1-4094>", Section(VLAN, "vlan-{1}")),
    (GLOBAL, "vrf instance <name>", Section(VRF, "vrf-{2}")),
    (GLOBAL, "class-map <rest>", Section(FREE, "cmap")),
    (GLOBAL, "policy-map <rest>", Section(FREE, "pmap")),
    (GLOBAL, "interface <ifname>", Section(INTERFACE, "if-{1}")),
    (GLOBAL, "mac <rest>", Loose),
    (GLOBAL, "ip virtual-router mac-address {name}", Item),
    (GLOBAL, "ip address virtual <rest>", Loose),
    (GLOBAL, "ip access-list standard <name>", Section(ACL, "std-acl-{3}")),
    (GLOBAL, "ip access-list <name>", Section(ACL, "acl-{2}")),
    (GLOBAL, "ipv6 access-list <name>", Section(ACL, "ipv6-acl-{2}")),
    (GLOBAL, "ip routing", Item),
    (GLOBAL, "ip routing vrf <name>", Item),
    (GLOBAL, "ip icmp|igmp|nat|hardware|dhcp|ftp|http|radius|tacacs|ssh|tftp|pim|multicast-routing <rest>", Loose),
    (GLOBAL, "ip as-path access-list <rest>", Loose),
    (GLOBAL, "ip as-path regex-mode {name}", Item),
    (GLOBAL, "ip community-list|extcommunity-list|large-community-list <rest>", Loose),
    (GLOBAL, "ip prefix-list <name> <rest>", Into(3)),
    (GLOBAL, "ip prefix-list <name>", Section(PREFIX_LIST, "ip-pfx")),
    (GLOBAL, "ipv6 prefix-list <name> <rest>", Into(3)),
    (GLOBAL, "ipv6 prefix-list <name>", Section(PREFIX_LIST, "ipv6-pfx")),
    (GLOBAL, "ipv6 unicast-routing", Item),
    (GLOBAL, "ipv6 unicast-routing vrf <name>", Item),
    (GLOBAL, "ipv6 route <rest>", Loose),
    (GLOBAL, "mlag configuration", Section(FREE, "mlag")),
    (GLOBAL, "ip route vrf <name> <subnet> <nexthop> [{rest}]", Item),
    (GLOBAL, "ip route vrf <name> <subnet>", Purge),
    (GLOBAL, "ip route <subnet> <nexthop> [{rest}]", Item),
    (GLOBAL, "ip route <subnet>", Purge),
    (GLOBAL, "route-map <name> {permit|deny} <1-65535>", Section(ROUTE_MAP, "route-map-{1}")),
    (GLOBAL, "route-map <name>", Purge),
    (GLOBAL, "peer-filter <name>", Section(FREE, "peer-filter-{1}")),
    (GLOBAL, "router bfd", Section(FREE, "router-bfd")),
    (GLOBAL, "router bgp {asn}", Section(BGP, "router-bgp")),
    (GLOBAL, "router isis <name>", Section(FREE, "router-isis")),
    (GLOBAL, "router multicast", Section(FREE, "router-multicast")),
    (GLOBAL, "router ospf <1-65535> vrf <name>", Section(OSPF, "router-ospf-vrf-{4}")),
    (GLOBAL, "router ospf <1-65535>", Section(OSPF, "router-ospf")),
    (GLOBAL, "traffic-policies", Section(FREE, "traffic-policies")),
    (GLOBAL, "control-plane", Section(FREE, "cp")),
    (GLOBAL, "banner motd|login", Text),
    (GLOBAL, "management api http-commands", Section(API, "mgmt-api-http-cmds")),
    (GLOBAL, "management api gnmi|netconf|restconf|models", Section(FREE, "mgmt-api-{2}")),
    (GLOBAL, "management console|cvx|security|ssh|telnet|xmpp|tech-support", Section(FREE, "mgmt-{1}")),

    (PORT | LOGICAL, "description {rest}", Item),
    (PORT | LOGICAL, "shutdown", Item),
    (PORT | LOGICAL, "load-interval {0-600}", Item),
    (PORT | LOGICAL, "mtu {68-9214}", Item),
    (PORT | LOGICAL, "logging event link-status", Either),
    (PORT, "speed {rest}", Item),
    (PORT, "flowcontrol <send|receive> {on|off|desired}", Item),
    (PORT, "channel-group {1-2000} mode {active|passive|on}", Item),
    (PORT, "lacp <rest>", Loose),
    (PORT, "lldp transmit|receive", On),
    (PORT, "switchport access vlan {1-4094}", Item),
    (PORT, "switchport trunk native vlan {name}", Item),
    (PORT, "switchport trunk allowed vlan {rest}", Item),
    (PORT, "switchport mode {access|trunk|dot1q-tunnel|tap|tool}", Item),
    (PORT, "switchport trunk group <name>", Item),
    (PORT, "switchport <rest>", Loose),
    (PORT, "switchport", On),
    (LOGICAL, "encapsulation dot1q vlan {1-4094}", Item),
    (PORT | LOGICAL, "vrf {name}", Item),
    (LOGICAL, "autostate", On),
    (PORT | LOGICAL, "ip proxy-arp", Item),
    (PORT | LOGICAL, "ip address virtual {prefix}", Item),
    (PORT | LOGICAL, "ip address {prefix}", Exact),
    (PORT | LOGICAL, "ip address <prefix> secondary", Item),
    (PORT | LOGICAL, "ip address", Purge),
    (PORT | LOGICAL, "ip helper-address <ip>", Item),
    (PORT | LOGICAL, "ip virtual-router address <ip>", Item),
    (PORT | LOGICAL, "ipv6 enable", Item),
    (PORT | LOGICAL, "ipv6 address <name>", Item),
    (PORT | LOGICAL, "ipv6 address", Purge),
    (PORT | LOGICAL, "ipv6 <rest>", Loose),
    (PORT | LOGICAL, "ip access-group {name} <in|out>", Item),
    (PORT | LOGICAL, "ip ospf cost {1-65535}", Item),
    (PORT | LOGICAL, "ip ospf network {name}", Item),
    (PORT | LOGICAL, "ip ospf area {name}", Item),
    (PORT | LOGICAL, "ip ospf <rest>", Loose),
    (PORT | LOGICAL, "bfd|bandwidth|carrier-delay|dhcp|evpn|isis|link|mac|mpls|no-touch|pim|qos|service-policy|sflow|snmp|storm-control|traffic-policy|traffic-loopback|tunnel|tx-queue|uc-tx-queue|vmtracer|vrrp|vxlan <rest>", Loose),
    (PORT | LOGICAL, "mlag {1-2000}", Item),
    (PORT | LOGICAL, "spanning-tree portfast", Item),
    (PORT | LOGICAL, "spanning-tree bpduguard {enable|disable}", Item),
    (PORT | LOGICAL, "spanning-tree <rest>", Loose),

    (VLAN, "name {name}", Item),
    (VLAN, "state {active|suspend}", Item),
    (VLAN, "trunk group <name>", Item),
    (VRF, "rd {name}", Item),
    (VRF, "description {rest}", Item),

    (ROUTE_MAP, "description {rest}", Item),
    (ROUTE_MAP, "match ip|ipv6 address prefix-list {name}", Item),
    (ROUTE_MAP, "match ip address access-list {name}", Item),
    (ROUTE_MAP, "match ip next-hop prefix-list {name}", Item),
    (ROUTE_MAP, "match as-path|community|extcommunity|interface|local-preference|metric|route-type|source-protocol|tag|as {rest}", Item),
    (ROUTE_MAP, "set as-path prepend {rest}", Item),
    (ROUTE_MAP, "set as-path match <rest>", Loose),
    (ROUTE_MAP, "set ip|ipv6 next-hop {rest}", Item),
    (ROUTE_MAP, "set community|extcommunity|large-community|local-preference|metric|metric-type|origin|tag|weight|distance {rest}", Item),
    (ROUTE_MAP, "continue [{1-65535}]", Item),
    (ROUTE_MAP, "sub-route-map {name}", Item),

    (PREFIX_LIST, "seq <0-4294967295> {permit|deny} {subnet} [{rest}]", Numbered),
    (PREFIX_LIST, "permit|deny <subnet> [{rest}]", Unnumbered("seq ")),
    (ACL, "counters per-entry", Item),
    (ACL, "statistics per-entry", Item),
    (ACL, "<1-4294967295> {permit|deny|remark} {rest}", Numbered),
    (ACL, "permit|deny|remark <rest>", Unnumbered("")),

    (BGP | BGP_VRF, "rd {name}", Item),
    (BGP_VRF, "route-target <import|export> <rest>", Item),
    (BGP | BGP_VRF, "router-id {ip4}", Item),
    (BGP | BGP_VRF, "shutdown", Item),
    (BGP | BGP_VRF, "timers bgp {0-3600} {0-3600}", Item),
    (BGP | BGP_VRF, "distance bgp {rest}", Item),
    (BGP | BGP_VRF, "maximum-paths {1-600} [ecmp {1-600}]", Item),
    (BGP, "graceful-restart", Item),
    (BGP, "update wait-for-convergence", Item),
    (BGP, "update wait-install", Item),
    (BGP, "bgp default ipv4-unicast", On),
    (BGP | BGP_VRF, "bgp log-neighbor-changes", On),
    (BGP | BGP_VRF, "bgp listen range <prefix> {rest}", Item),
    (BGP | BGP_VRF | BGP_FAMILY, "bgp <rest>", Loose),
    (PEERS, "neighbor <name> peer group", Item),
    (PEERS, "neighbor <ip> peer group {name}", Item),
    (PEERS, "neighbor <name> remote-as {asn}", Item),
    (PEERS, "neighbor <name> next-hop-self", Item),
    (PEERS, "neighbor <name> next-hop-unchanged", Item),
    (PEERS, "neighbor <name> shutdown [reason {rest}]", Item),
    (PEERS, "neighbor <name> local-as {asn} [{rest}]", Item),
    (PEERS, "neighbor <name> update-source {ifname}", Item),
    (PEERS, "neighbor <name> bfd", Item),
    (PEERS, "neighbor <name> description {rest}", Item),
    (PEERS, "neighbor <name> allowas-in [{1-10}]", Item),
    (PEERS, "neighbor <name> ebgp-multihop [{1-255}]", Item),
    (PEERS, "neighbor <name> route-reflector-client", Item),
    (PEERS, "neighbor <name> timers {0-3600} {0-3600}", Item),
    (PEERS, "neighbor <name> soft-reconfiguration inbound [all]", Item),
    (PEERS, "neighbor <name> remove-private-as [all]", Item),
    (PEERS, "neighbor <name> route-map {name} <in|out>", Item),
    (PEERS, "neighbor <name> prefix-list {name} <in|out>", Item),
    (PEERS, "neighbor <name> password {rest}", Item),
    (PEERS, "neighbor <name> default-originate [{rest}]", Item),
    (PEERS, "neighbor <name> send-community [{rest}]", Item),
    (PEERS, "neighbor <name> maximum-routes {0-4294967294} [{rest}]", Item),
    (PEERS, "neighbor <name> fall-over bfd", Item),
    (PEERS, "neighbor <name> weight {0-65535}", Item),
    (PEERS, "neighbor <name> activate", Either),
    (PEERS, "neighbor <name>", Purge),
    (PEERS, "aggregate-address <subnet> [{rest}]", Item),
    (PEERS, "network <subnet> [route-map {name}]", Item),
    (PEERS, "redistribute connected|static|ospf|isis|rip|learned|attached-host|dynamic [route-map {name}]", Item),
    (BGP, "vlan <1-4094>", Section(BGP_MAC, "+vlan-{1}")),
    (BGP, "vlan-aware-bundle <name>", Section(BGP_MAC, "+bundle-{1}")),
    (BGP_MAC, "rd {name}", Item),
    (BGP_MAC, "route-target <import|export|both> <rest>", Item),
    (BGP_MAC, "redistribute <rest>", Item),
    (BGP_MAC, "vlan {name}", Item),
    (BGP | BGP_VRF, "address-family ipv4|ipv6|evpn|vpn-ipv4|vpn-ipv6|rt-membership", Section(BGP_FAMILY, "+af")),
    (BGP, "vrf <name>", Section(BGP_VRF, "+vrf-{1}")),

    (OSPF, "router-id {ip4}", Item),
    (OSPF, "distance ospf <rest>", Loose),
    (OSPF, "passive-interface default", Item),
    (OSPF, "passive-interface <ifname>", Either),
    (OSPF, "bfd default", Item),
    (OSPF, "redistribute connected|static|bgp|isis [route-map {name}]", Item),
    (OSPF, "area <name> <rest>", Loose),
    (OSPF, "network <subnet> area {name}", Item),
    (OSPF, "max-lsa {name} [{rest}]", Item),
    (OSPF, "maximum-paths {1-600}", Item),
    (OSPF, "log-adjacency-changes [{name}]", Item),
    (OSPF, "auto-cost reference-bandwidth {name}", Item),
    (OSPF, "default-information originate [{rest}]", Item),
    (OSPF, "shutdown|graceful-restart", Item),
    (OSPF, "timers|summary-address|adjacency|max-metric <rest>", Loose),

    (API, "cors|qos <rest>", Loose),
    (API, "protocol https certificate|ssl <rest>", Loose),
    (API, "protocol http|https|unix-socket [{rest}]", Either),
    (API, "shutdown", On),
    (API, "vrf <name>", Section(FREE, "+vrf-{1}")),
];

/// What a word may be.
#[derive(Debug)]
pub(super) enum Slot {
    Literal(Vec<&'static str>),
    Name,
    Rest,
    Ip,
    Ip4,
    Prefix,
    Subnet,
    NextHop,
    Asn,
    Interface,
    Number(u32, u32),
}

/// One word of a rule.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) slot: Slot,
    /// Whether it is a value, which does not tell entries apart.
    pub(super) value: bool,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) contexts: u32,
    pub(super) words: Vec<Word>,
    pub(super) kind: Kind,
    /// Its place in the printed configuration.
    pub(super) rank: usize,
    /// For lines about neighbours: the place of all of them together.
    pub(super) cluster: Option<usize>,
}

/// The table, ready to be matched.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let first_neighbor = TABLE.iter().position(|(_, syntax, _)| syntax.starts_with("neighbor ")).unwrap_or(0);
    let mut rules = Vec::new();
    for (rank, (contexts, syntax, kind)) in TABLE.iter().enumerate() {
        let cluster = syntax.starts_with("neighbor ").then_some(first_neighbor);
        let (required, optional) = syntax.split_once('[').unwrap_or((syntax, ""));
        let optional = optional.trim_end_matches(']');
        let short: Vec<_> = required.split_whitespace().map(|word| compile(word, false)).collect();
        if !optional.is_empty() {
            let long = required.split_whitespace().map(|word| compile(word, false));
            let words = long.chain(optional.split_whitespace().map(|word| compile(word, true))).collect();
            rules.push(Rule { contexts: *contexts, words, kind: *kind, rank, cluster });
        }
        rules.push(Rule { contexts: *contexts, words: short, kind: *kind, rank, cluster });
    }
    rules
});

fn compile(word: &'static str, value: bool) -> Word {
    if let Some(inner) = word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
        return Word { slot: slot(inner), value };
    }
    if let Some(inner) = word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
        return Word { slot: slot(inner), value: true };
    }
    Word { slot: Slot::Literal(word.split('|').collect()), value }
}

fn slot(name: &'static str) -> Slot {
    match name {
        "name" => Slot::Name,
        "rest" => Slot::Rest,
        "ip" => Slot::Ip,
        "ip4" => Slot::Ip4,
        "prefix" => Slot::Prefix,
        "subnet" => Slot::Subnet,
        "nexthop" => Slot::NextHop,
        "asn" => Slot::Asn,
        "ifname" => Slot::Interface,
        _ => match name.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?))) {
            Some((low, high)) => Slot::Number(low, high),
            None => Slot::Literal(name.split('|').collect()),
        },
    }
}

impl Slot {
    /// The word as the device prints it, and whether a keyword was spelled out; `None` if the word does not fit.
    pub(super) fn accept(&self, word: &str) -> Option<(String, bool)> {
        let canonical = match self {
            Self::Literal(words) => return keyword(words, word),
            Self::Name | Self::Rest => Some(word.to_owned()),
            Self::Ip => word.parse::<IpAddr>().ok().map(|ip| ip.to_string()),
            Self::Ip4 => word.parse::<Ipv4Addr>().ok().map(|ip| ip.to_string()),
            Self::Prefix => word.parse::<IpNet>().ok().map(|net| net.to_string()),
            Self::Subnet => word.parse::<IpNet>().ok().map(|net| net.trunc().to_string()),
            Self::NextHop if "null0".starts_with(&word.to_ascii_lowercase()) => Some("Null0".to_owned()),
            Self::NextHop => word.parse::<Ipv4Addr>().ok().map(|ip| ip.to_string()).or_else(|| interface_name(word)),
            Self::Asn => asn(word).map(|asn| asn.to_string()),
            Self::Interface => interface_name(word),
            Self::Number(low, high) => {
                word.parse::<u32>().ok().filter(|n| (low..=high).contains(&n)).map(|n| n.to_string())
            }
        };
        canonical.map(|word| (word, true))
    }
}

fn keyword(words: &[&'static str], typed: &str) -> Option<(String, bool)> {
    let typed = typed.to_ascii_lowercase();
    if words.contains(&typed.as_str()) {
        return Some((typed, true));
    }
    let mut fits = words.iter().filter(|word| word.starts_with(&typed));
    match (fits.next(), fits.next()) {
        (Some(word), None) => Some(((*word).to_owned(), false)),
        _ => None,
    }
}

/// An autonomous system number in plain or dotted notation (RFC 5396).
fn asn(word: &str) -> Option<u32> {
    let asn = match word.split_once('.') {
        Some((high, low)) => (u32::from(high.parse::<u16>().ok()?) << 16) | u32::from(low.parse::<u16>().ok()?),
        None => word.parse().ok()?,
    };
    (asn != 0).then_some(asn)
}

/// The kinds of interfaces in the order in which they are printed, with the short form of prompts.
pub(super) const INTERFACES: &[(&str, &str)] = &[
    ("Port-Channel", "Po"),
    ("Ethernet", "Et"),
    ("Loopback", "Lo"),
    ("Management", "Ma"),
    ("Tunnel", "Tu"),
    ("Vlan", "Vl"),
    ("Vxlan", "Vx"),
];

/// The full name of an interface from any abbreviation: `et1` is `Ethernet1`.
pub(super) fn interface_name(word: &str) -> Option<String> {
    let digits = word.find(|c: char| c.is_ascii_digit())?;
    let (kind, number) = word.split_at(digits);
    let kind = kind.to_ascii_lowercase();
    let (full, _) =
        INTERFACES.iter().find(|(full, _)| kind.len() >= 2 && full.to_ascii_lowercase().starts_with(&kind))?;
    let numbers = number
        .split(['/', '.'])
        .all(|part| !part.is_empty() && part.len() <= 5 && part.bytes().all(|b| b.is_ascii_digit()));
    numbers.then(|| format!("{full}{number}"))
}

/// The words of a typed line; an address followed by a network mask becomes a prefix, `ethernet 1` one word.
pub(super) fn words_of(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let mask =
            word.parse::<Ipv4Addr>().ok().and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok()).filter(|n| *n > 0);
        let routed = matches!(words.first().map(String::as_str), Some("ip" | "network" | "no" | "default"));
        if words.last().is_some_and(|last| last == "mask") && mask.is_some() {
            words.pop();
        }
        let address = words.last().and_then(|last| last.parse::<Ipv4Addr>().ok());
        if let (Some(address), Some(length), true) = (address, mask, routed)
            && let Ok(net) = Ipv4Net::new(address, length)
        {
            words.pop();
            words.push(net.to_string());
            continue;
        }
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        if words.len() >= 2
            && number
            && words[words.len() - 2].eq_ignore_ascii_case("interface")
            && let Some(kind) = words.last_mut()
            && kind.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
        {
            kind.push_str(word);
            continue;
        }
        words.push(word.to_owned());
    }
    words
}

/// The short form of an interface in a prompt: `Ethernet1` is `Et1`.
pub(super) fn short_name(interface: &str) -> String {
    for (full, short) in INTERFACES {
        if let Some(number) = interface.strip_prefix(full) {
            return format!("{short}{number}");
        }
    }
    interface.to_owned()
}
