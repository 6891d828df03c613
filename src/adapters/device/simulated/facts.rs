//! What a configuration says about routing, whatever its grammar: the door between a platform and the network.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// What a configuration says about routing.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Whether packets of others are forwarded.
    pub(super) routing: bool,
    /// Interfaces with an address that are not shut down.
    pub(super) interfaces: Vec<Interface>,
    /// Static routes; no next hop discards.
    pub(super) statics: Vec<(Ipv4Net, Option<Ipv4Addr>)>,
    /// The BGP process.
    pub(super) bgp: Option<Bgp>,
}

/// An interface with addresses.
#[derive(Debug)]
pub(super) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// Its addresses with their prefix lengths.
    pub(super) addresses: Vec<Ipv4Net>,
    /// Whether OSPF runs on it.
    pub(super) ospf: bool,
}

/// The BGP process.
#[derive(Debug, Default)]
pub(super) struct Bgp {
    /// Our autonomous system.
    pub(super) asn: u32,
    /// The identifier that was configured.
    pub(super) router_id: Option<Ipv4Addr>,
    /// The neighbours.
    pub(super) peers: Vec<Peer>,
    /// What is announced, if it is in the routing table.
    pub(super) networks: Vec<Ipv4Net>,
    /// Whether connected subnets are announced.
    pub(super) redistribute_connected: bool,
    /// Whether static routes are announced.
    pub(super) redistribute_static: bool,
}

/// A BGP neighbour.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its address.
    pub(super) address: Ipv4Addr,
    /// Its autonomous system.
    pub(super) remote_as: Option<u32>,
    /// Whether it is shut down.
    pub(super) shut: bool,
    /// Whether IPv4 unicast is exchanged.
    pub(super) active: bool,
    /// The interface whose address is ours.
    pub(super) update_source: Option<String>,
    /// Whether the neighbour may be several hops away.
    pub(super) multihop: bool,
    /// Whether announced routes carry our address as next hop, also inside the autonomous system.
    pub(super) next_hop_self: bool,
    /// For people.
    pub(super) description: Option<String>,
    /// What is accepted.
    pub(super) inbound: Policy,
    /// What is announced.
    pub(super) outbound: Policy,
}

/// Clauses in order; the first that matches decides, none denies. `None` permits everything.
pub(super) type Policy = Option<Vec<Clause>>;

/// One clause of a policy.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    /// What happens to a prefix that matches.
    pub(super) permit: bool,
    /// Which prefixes match; `None` is all.
    pub(super) prefixes: Option<Vec<PrefixRule>>,
}

/// One entry of a prefix list.
#[derive(Clone, Debug)]
pub(super) struct PrefixRule {
    /// Whether a match is one.
    pub(super) permit: bool,
    /// The prefix.
    pub(super) prefix: Ipv4Net,
    /// Shortest and longest length that match.
    pub(super) lengths: (u8, u8),
}

/// Whether a policy lets a prefix through.
pub(super) fn permits(policy: &Policy, prefix: Ipv4Net) -> bool {
    let Some(clauses) = policy else { return true };
    let matching = clauses.iter().find(|clause| clause.prefixes.as_ref().is_none_or(|rules| listed(rules, prefix)));
    matching.is_some_and(|clause| clause.permit)
}

fn listed(rules: &[PrefixRule], prefix: Ipv4Net) -> bool {
    let (shortest, longest) = (|rule: &PrefixRule| rule.lengths.0, |rule: &PrefixRule| rule.lengths.1);
    let matches = |rule: &&PrefixRule| {
        let length = prefix.prefix_len();
        rule.prefix.contains(&prefix) && (shortest(rule)..=longest(rule)).contains(&length)
    };
    rules.iter().find(matches).is_some_and(|rule| rule.permit)
}
