//! Reads from an EOS configuration what the network needs to know.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::adapters::device::simulated::facts::{Bgp, Clause, Facts, Interface, Peer, Policy, PrefixRule};
use crate::adapters::device::simulated::tree::{Node, after};

/// What a configuration means: IPv4 in the default VRF.
pub(super) fn facts(tree: &Node) -> Facts {
    let ospf = tree.children.iter().find(|child| after(&child.text, "router ospf").is_some_and(|id| !id.contains(' ')));
    let ospf = ospf.filter(|ospf| !ospf.has("shutdown"));
    let named = tree.children.iter().filter_map(|child| Some((after(&child.text, "interface")?, child)));
    let interfaces = named.filter_map(|(name, node)| interface(name, node, ospf)).collect();
    let statics = tree.children.iter().filter_map(|child| static_route(&child.text)).collect();
    let bgp = tree.child("router bgp").filter(|node| !node.has("shutdown"));
    Facts { routing: tree.has("ip routing"), interfaces, statics, bgp: bgp.map(|node| read_bgp(tree, node)) }
}

/// An interface that is up and routed.
fn interface(name: &str, node: &Node, ospf: Option<&Node>) -> Option<Interface> {
    let port = name.starts_with("Ethernet") || name.starts_with("Port-Channel");
    let routed = !port || name.contains('.') || node.has("no switchport");
    if node.has("shutdown") || !routed || node.value("vrf").is_some() {
        return None;
    }
    let lines = node.children.iter().filter_map(|child| after(&child.text, "ip address"));
    let addresses: Vec<Ipv4Net> = lines.filter_map(|rest| rest.split(' ').find_map(|word| word.parse().ok())).collect();
    let network = |ospf: &Node| {
        let lines = ospf.children.iter().filter_map(|child| after(&child.text, "network"));
        let mut nets = lines.filter_map(|rest| rest.split(' ').next()?.parse::<Ipv4Net>().ok());
        nets.any(|net| addresses.iter().any(|address| net.contains(&address.addr())))
    };
    let ospf = ospf.is_some_and(|ospf| node.value("ip ospf area").is_some() || network(ospf));
    (!addresses.is_empty()).then(|| Interface { name: name.to_owned(), addresses, ospf })
}

fn static_route(text: &str) -> Option<(Ipv4Net, Option<Ipv4Addr>)> {
    let mut words = after(text, "ip route")?.split(' ');
    let prefix = words.next()?.parse().ok()?;
    Some((prefix, words.next()?.parse().ok()))
}

fn read_bgp(tree: &Node, node: &Node) -> Bgp {
    let empty = Node::root();
    let family = node.child("address-family ipv4").unwrap_or(&empty);
    let lines = || node.children.iter().chain(&family.children);
    let networks = lines().filter_map(|child| after(&child.text, "network")?.split(' ').next()?.parse().ok()).collect();
    let redistributes = |source: &str| {
        lines().any(|child| after(&child.text, "redistribute").is_some_and(|rest| after(rest, source).is_some()))
    };
    let mut peers: BTreeMap<Ipv4Addr, Peer> = BTreeMap::new();
    for child in &node.children {
        let address = after(&child.text, "neighbor").and_then(|rest| rest.split(' ').next()?.parse().ok());
        if let Some(address) = address {
            peers.entry(address).or_insert_with(|| read_peer(tree, node, family, address));
        }
    }
    Bgp {
        asn: after(&node.text, "router bgp").and_then(|asn| asn.parse().ok()).unwrap_or(0),
        router_id: node.value("router-id").and_then(|id| id.parse().ok()),
        peers: peers.into_values().collect(),
        networks,
        redistribute_connected: redistributes("connected"),
        redistribute_static: redistributes("static"),
    }
}

/// A neighbour; what is not configured for it comes from its peer group.
fn read_peer(tree: &Node, node: &Node, family: &Node, address: Ipv4Addr) -> Peer {
    let own = address.to_string();
    let group = node.value(&format!("neighbor {own} peer group")).map(str::to_owned);
    let names: Vec<String> = std::iter::once(own).chain(group).collect();
    let line = |key: &str| {
        let keys: Vec<_> = names.iter().map(|name| format!("neighbor {name} {key}")).collect();
        keys.into_iter().find_map(|key| family.child(&key).or_else(|| node.child(&key)).map(|child| (key, child)))
    };
    let value = |key: &str| {
        let (key, child) = line(key)?;
        after(&child.text, &key).map(str::to_owned)
    };
    let policy = |direction: &str| {
        let map = line(&format!("route-map {direction}")).and_then(|(_, child)| word_before(&child.text, direction));
        let list = line(&format!("prefix-list {direction}")).and_then(|(_, child)| word_before(&child.text, direction));
        match (map, list) {
            (Some(map), _) => route_map(tree, &map),
            (None, Some(list)) => Some(vec![Clause { permit: true, prefixes: Some(prefix_list(tree, &list)) }]),
            (None, None) => None,
        }
    };
    let activated = line("activate").map(|(_, child)| !child.text.starts_with("no "));
    Peer {
        address,
        remote_as: value("remote-as").and_then(|asn| asn.parse().ok()),
        shut: line("shutdown").is_some(),
        active: activated.unwrap_or_else(|| !node.has("no bgp default ipv4-unicast")),
        update_source: value("update-source"),
        multihop: line("ebgp-multihop").is_some(),
        next_hop_self: line("next-hop-self").is_some(),
        description: value("description"),
        inbound: policy("in"),
        outbound: policy("out"),
    }
}

fn word_before(text: &str, last: &str) -> Option<String> {
    text.strip_suffix(last)?.trim_end().rsplit(' ').next().map(str::to_owned)
}

/// The clauses of a route map; one that does not exist permits everything, as EOS does by default.
fn route_map(tree: &Node, name: &str) -> Policy {
    let sections = tree
        .children
        .iter()
        .filter(|child| after(&child.text, "route-map").is_some_and(|rest| after(rest, name).is_some()));
    let clauses: Vec<Clause> = sections.map(|section| clause(tree, section)).collect();
    (!clauses.is_empty()).then_some(clauses)
}

fn clause(tree: &Node, section: &Node) -> Clause {
    let permit = section.text.split(' ').nth(2) == Some("permit");
    let lists = section.value("match ip address prefix-list").map(|list| prefix_list(tree, list));
    // What is matched besides prefixes is not simulated and matches nothing.
    let other = section
        .children
        .iter()
        .any(|child| after(&child.text, "match").is_some_and(|rest| after(rest, "ip address prefix-list").is_none()));
    Clause { permit, prefixes: if other { Some(Vec::new()) } else { lists } }
}

fn prefix_list(tree: &Node, name: &str) -> Vec<PrefixRule> {
    let section = tree.child(&format!("ip prefix-list {name}"));
    section
        .map(|section| section.children.iter().filter_map(|child| prefix_rule(&child.text)).collect())
        .unwrap_or_default()
}

/// `seq 10 permit 10.0.0.0/8 ge 16 le 24`.
fn prefix_rule(text: &str) -> Option<PrefixRule> {
    let words: Vec<_> = text.split(' ').collect();
    let ["seq", _, action, prefix, options @ ..] = &words[..] else { return None };
    let prefix: Ipv4Net = prefix.parse().ok()?;
    let option =
        |name: &str| options.windows(2).find(|pair| pair[0] == name).and_then(|pair| pair[1].parse::<u8>().ok());
    let own = prefix.prefix_len();
    let lengths = match (option("eq"), option("ge"), option("le")) {
        (Some(eq), _, _) => (eq, eq),
        (None, None, None) => (own, own),
        (None, ge, le) => (ge.unwrap_or(own), le.unwrap_or(32)),
    };
    Some(PrefixRule { permit: *action == "permit", prefix, lengths })
}
