//! What the simulated devices are to each other: connected subnets, OSPF, BGP sessions, routes and reachability.
//!
//! IPv4 in the default VRF, computed from the running configurations alone: two interfaces are connected when they
//! are up and have addresses in the same subnet. The state converges at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ipnet::Ipv4Net;
use tokio::time::Instant;

use super::facts::{Bgp, Facts, Peer, permits};
use super::store::DeviceState;

/// Most hops of a packet.
const HOPS_MAX: usize = 64;
/// Most rounds until BGP must have converged.
const ROUNDS_MAX: usize = 256;

/// What became of a BGP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionState {
    /// Routes are exchanged; how many prefixes arrived and how many were accepted.
    Established { since: Instant, received: usize, accepted: usize },
    /// The neighbour does not answer as configured.
    Active,
    /// There is no way to the neighbour.
    Idle,
    /// Shut down here.
    Shut,
}

/// How a route was learnt, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// An own subnet.
    Connected,
    /// Configured.
    Static,
    /// BGP from another autonomous system.
    External,
    /// OSPF.
    Ospf,
    /// BGP from our autonomous system.
    Internal,
}

/// A route of one device.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// How it was learnt.
    pub(super) source: Source,
    /// The next hop; `None` for connected subnets and discards.
    pub(super) via: Option<Ipv4Addr>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came back; how many routers were on the way there.
    Answered { hops: usize },
    /// There is no route here.
    NoRoute,
    /// It or its answer was lost.
    Lost,
}

/// Who has which address in each subnet.
type Subnets = BTreeMap<Ipv4Net, Vec<(usize, Ipv4Addr)>>;

/// The autonomous systems on the way, the next hop, and whether the last step came from outside.
type Path = (Vec<u32>, Ipv4Addr, bool);

/// The state of the whole network at one moment.
#[derive(Default)]
pub(super) struct World {
    names: BTreeMap<String, usize>,
    facts: Vec<(Arc<Facts>, Instant)>,
    owners: BTreeMap<Ipv4Addr, usize>,
    tables: Vec<BTreeMap<Ipv4Net, Route>>,
    sessions: Vec<Vec<SessionState>>,
}

/// The devices that see each other.
#[derive(Default)]
pub(super) struct Network {
    version: AtomicU64,
    devices: Mutex<Vec<Weak<DeviceState>>>,
    cache: Mutex<Option<(u64, Arc<World>)>>,
}

impl Network {
    /// Adds a device.
    pub(super) fn add(&self, device: &Arc<DeviceState>) {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(device));
        self.changed();
    }

    /// A running configuration changed.
    pub(super) fn changed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The state that follows from the running configurations of now. No device's store may be locked by the caller.
    pub(super) fn world(&self) -> Arc<World> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.version.load(Ordering::SeqCst);
        if let Some((_, world)) = cache.as_ref().filter(|(cached, _)| *cached == version) {
            return Arc::clone(world);
        }
        let devices: Vec<_> = {
            let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            devices.iter().filter_map(Weak::upgrade).collect()
        };
        let facts = devices.iter().map(|device| (device.spec.name.clone(), device.facts())).collect();
        let world = Arc::new(World::new(facts));
        *cache = Some((version, Arc::clone(&world)));
        world
    }
}

impl World {
    fn new(devices: Vec<(String, (Arc<Facts>, Instant))>) -> Self {
        let mut world = Self::default();
        for (at, (name, facts)) in devices.into_iter().enumerate() {
            for address in facts.0.interfaces.iter().flat_map(|interface| &interface.addresses) {
                world.owners.insert(address.addr(), at);
            }
            world.names.insert(name, at);
            world.facts.push(facts);
        }
        world.tables = world.facts.iter().map(|(facts, _)| own_routes(facts)).collect();
        world.flood_ospf();
        world.sessions = (0..world.facts.len()).map(|at| world.sessions_of(at)).collect();
        world.converge_bgp();
        world
    }

    /// The BGP process of a device with the state of each neighbour.
    pub(super) fn bgp<'a>(&'a self, name: &str) -> Option<(&'a Bgp, &'a [SessionState])> {
        let at = *self.names.get(name)?;
        Some((self.facts[at].0.bgp.as_ref()?, &self.sessions[at]))
    }

    /// The routes of a device.
    pub(super) fn routes(&self, name: &str) -> Option<&BTreeMap<Ipv4Net, Route>> {
        self.names.get(name).map(|at| &self.tables[*at])
    }

    /// The address a device would send from, and what became of a packet to `target` and its answer.
    pub(super) fn ping(&self, name: &str, target: Ipv4Addr, from: Option<Ipv4Addr>) -> (Option<Ipv4Addr>, Fate) {
        let Some(at) = self.names.get(name).copied() else { return (from, Fate::NoRoute) };
        if self.owners.get(&target) == Some(&at) {
            return (from.or(Some(target)), Fate::Answered { hops: 0 });
        }
        let Some((_, local)) = self.next_hop(at, target) else { return (from, Fate::NoRoute) };
        let from = from.unwrap_or(local);
        let there = self.forward(at, target);
        let back = there.and_then(|(end, _)| self.forward(end, from));
        let fate = match (there, back) {
            (Some((_, hops)), Some((end, _))) if end == at => Fate::Answered { hops },
            _ => Fate::Lost,
        };
        (Some(from), fate)
    }

    /// Follows a packet; the device that owns the target, and how many hops it took.
    fn forward(&self, from: usize, target: Ipv4Addr) -> Option<(usize, usize)> {
        let mut at = from;
        for hops in 0..HOPS_MAX {
            if self.owners.get(&target) == Some(&at) {
                return Some((at, hops));
            }
            if at != from && !self.facts[at].0.routing {
                return None;
            }
            let (next, _) = self.next_hop(at, target)?;
            at = *self.owners.get(&next)?;
        }
        None
    }

    /// The neighbour's address on a connected subnet that leads to the target, and our address there.
    fn next_hop(&self, at: usize, target: Ipv4Addr) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let mut target = target;
        for _ in 0..8 {
            if let Some(local) = self.local_address(at, target) {
                return Some((target, local));
            }
            let routes = self.tables[at].iter().filter(|(prefix, _)| prefix.contains(&target));
            let (_, best) = routes.max_by_key(|(prefix, _)| prefix.prefix_len())?;
            target = best.via?;
        }
        None
    }

    fn local_address(&self, at: usize, target: Ipv4Addr) -> Option<Ipv4Addr> {
        let addresses = self.facts[at].0.interfaces.iter().flat_map(|interface| &interface.addresses);
        addresses.filter(|net| net.contains(&target)).max_by_key(|net| net.prefix_len()).map(Ipv4Net::addr)
    }

    /// The OSPF neighbours of a device: their addresses on shared subnets.
    fn ospf_neighbours(&self, at: usize, by_subnet: &Subnets) -> Vec<(usize, Ipv4Addr)> {
        let facts = &self.facts[at].0;
        let interfaces = facts.interfaces.iter().filter(|interface| interface.ospf && facts.routing);
        let subnets = interfaces.flat_map(|interface| interface.addresses.iter().map(Ipv4Net::trunc));
        subnets
            .flat_map(|subnet| by_subnet.get(&subnet).into_iter().flatten().copied())
            .filter(|(n, _)| *n != at)
            .collect()
    }

    fn flood_ospf(&mut self) {
        let mut by_subnet = Subnets::new();
        for (at, (facts, _)) in self.facts.iter().enumerate().filter(|(_, (facts, _))| facts.routing) {
            let interfaces = facts.interfaces.iter().filter(|interface| interface.ospf);
            for net in interfaces.flat_map(|interface| &interface.addresses) {
                by_subnet.entry(net.trunc()).or_default().push((at, net.addr()));
            }
        }
        for start in 0..self.facts.len() {
            for (other, via) in self.ospf_first_hops(start, &by_subnet) {
                for subnet in ospf_subnets(&self.facts[other].0) {
                    self.tables[start].entry(subnet).or_insert(Route { source: Source::Ospf, via: Some(via) });
                }
            }
        }
    }

    /// The devices that OSPF reaches, nearest first, and the first hop to each; every link costs the same.
    fn ospf_first_hops(&self, start: usize, by_subnet: &Subnets) -> Vec<(usize, Ipv4Addr)> {
        let mut reached = Vec::new();
        let mut seen = BTreeSet::from([start]);
        let mut queue = VecDeque::from([(start, None)]);
        while let Some((at, first_hop)) = queue.pop_front() {
            for (next, address) in self.ospf_neighbours(at, by_subnet) {
                if seen.insert(next) {
                    let via = first_hop.unwrap_or(address);
                    reached.push((next, via));
                    queue.push_back((next, Some(via)));
                }
            }
        }
        reached
    }

    fn sessions_of(&self, at: usize) -> Vec<SessionState> {
        let Some(bgp) = &self.facts[at].0.bgp else { return Vec::new() };
        bgp.peers.iter().map(|peer| self.session(at, bgp, peer)).collect()
    }

    /// Whether the other side is configured as this side expects, in both directions (RFC 4271 section 6.2).
    fn session(&self, at: usize, bgp: &Bgp, peer: &Peer) -> SessionState {
        if peer.shut {
            return SessionState::Shut;
        }
        if !self.facts[at].0.routing || peer.remote_as.is_none() {
            return SessionState::Idle;
        }
        let Some(source) = self.session_source(at, bgp, peer) else { return SessionState::Idle };
        let established = || {
            let other = *self.owners.get(&peer.address).filter(|other| **other != at)?;
            let (facts, changed) = &self.facts[other];
            let theirs = facts.bgp.as_ref().filter(|_| facts.routing)?;
            let back = theirs.peers.iter().find(|back| back.address == source && !back.shut)?;
            let sends_from = self.session_source(other, theirs, back)?;
            let agreed = Some(theirs.asn) == peer.remote_as && back.remote_as == Some(bgp.asn);
            let reachable = self.forward(at, peer.address)?.0 == other && self.forward(other, source)?.0 == at;
            (agreed && reachable && sends_from == peer.address).then(|| (*changed).max(self.facts[at].1))
        };
        established().map_or(SessionState::Active, |since| SessionState::Established {
            since,
            received: 0,
            accepted: 0,
        })
    }

    /// Our address of a session; none if there is no way, or if an external neighbour is too far away.
    fn session_source(&self, at: usize, bgp: &Bgp, peer: &Peer) -> Option<Ipv4Addr> {
        let direct = self.local_address(at, peer.address);
        let external = peer.remote_as != Some(bgp.asn);
        if direct.is_none() && external && !peer.multihop {
            return None;
        }
        let (_, local) = self.next_hop(at, peer.address)?;
        let Some(name) = &peer.update_source else { return Some(local) };
        let interface = self.facts[at].0.interfaces.iter().find(|interface| interface.name == *name)?;
        interface.addresses.first().map(Ipv4Net::addr)
    }

    fn converge_bgp(&mut self) {
        let mut best: Vec<BTreeMap<Ipv4Net, Path>> = (0..self.facts.len()).map(|at| self.originated(at)).collect();
        for _ in 0..ROUNDS_MAX {
            let next: Vec<_> = (0..self.facts.len()).map(|at| self.select(at, &best)).collect();
            if next == best {
                break;
            }
            best = next;
        }
        for at in 0..self.facts.len() {
            self.count_prefixes(at, &best);
            for (prefix, (path, via, external)) in &best[at] {
                if path.is_empty() && via.is_unspecified() {
                    continue;
                }
                let source = if *external { Source::External } else { Source::Internal };
                let route = Route { source, via: Some(*via) };
                let worse = self.tables[at].get(prefix).is_none_or(|old| old.source > source);
                if worse {
                    self.tables[at].insert(*prefix, route);
                }
            }
        }
    }

    fn originated(&self, at: usize) -> BTreeMap<Ipv4Net, Path> {
        let Some(bgp) = &self.facts[at].0.bgp else { return BTreeMap::new() };
        let mut prefixes: BTreeSet<Ipv4Net> =
            bgp.networks.iter().copied().filter(|prefix| self.tables[at].contains_key(prefix)).collect();
        for (prefix, route) in &self.tables[at] {
            let redistributed = match route.source {
                Source::Connected => bgp.redistribute_connected,
                Source::Static => bgp.redistribute_static,
                Source::External | Source::Ospf | Source::Internal => false,
            };
            if redistributed {
                prefixes.insert(*prefix);
            }
        }
        prefixes.into_iter().map(|prefix| (prefix, (Vec::new(), Ipv4Addr::UNSPECIFIED, true))).collect()
    }

    /// One round of the decision process: the shortest path, then the lowest next hop (RFC 4271 section 9.1).
    fn select(&self, at: usize, best: &[BTreeMap<Ipv4Net, Path>]) -> BTreeMap<Ipv4Net, Path> {
        let mut chosen = self.originated(at);
        let Some(bgp) = &self.facts[at].0.bgp else { return chosen };
        for (peer, state) in bgp.peers.iter().zip(&self.sessions[at]) {
            if !matches!(state, SessionState::Established { .. }) {
                continue;
            }
            for (prefix, path) in self.announced(at, bgp, peer, best) {
                if !permits(&peer.inbound, prefix) || self.next_hop(at, path.1).is_none() {
                    continue;
                }
                match chosen.get(&prefix) {
                    Some(old) if (old.0.len(), !old.2, old.1) <= (path.0.len(), !path.2, path.1) => {}
                    _ => drop(chosen.insert(prefix, path)),
                }
            }
        }
        chosen
    }

    /// What a neighbour announces to a device, before the device's own policy.
    fn announced(&self, at: usize, bgp: &Bgp, peer: &Peer, best: &[BTreeMap<Ipv4Net, Path>]) -> Vec<(Ipv4Net, Path)> {
        let found = || {
            let other = *self.owners.get(&peer.address)?;
            let theirs = self.facts[other].0.bgp.as_ref()?;
            let source = self.session_source(at, bgp, peer)?;
            let back = theirs.peers.iter().find(|back| back.address == source)?;
            (peer.active && back.active).then_some((other, theirs, back))
        };
        let Some((other, theirs, back)) = found() else { return Vec::new() };
        let external = theirs.asn != bgp.asn;
        let announce = |(prefix, (path, via, from_outside)): (&Ipv4Net, &Path)| {
            // What came from inside the autonomous system is not passed on inside it (RFC 4456 section 1).
            if (!external && !from_outside) || path.contains(&bgp.asn) || !permits(&back.outbound, *prefix) {
                return None;
            }
            let mut path = path.clone();
            if external {
                path.insert(0, theirs.asn);
            }
            let keeps = !external && !back.next_hop_self && !via.is_unspecified();
            Some((*prefix, (path, if keeps { *via } else { peer.address }, external)))
        };
        best[other].iter().filter_map(announce).collect()
    }

    fn count_prefixes(&mut self, at: usize, best: &[BTreeMap<Ipv4Net, Path>]) {
        let facts = Arc::clone(&self.facts[at].0);
        let Some(bgp) = &facts.bgp else { return };
        for (index, peer) in bgp.peers.iter().enumerate() {
            let SessionState::Established { since, .. } = self.sessions[at][index] else { continue };
            let announced = self.announced(at, bgp, peer, best);
            let accepted = announced.iter().filter(|(prefix, _)| permits(&peer.inbound, *prefix)).count();
            self.sessions[at][index] = SessionState::Established { since, received: announced.len(), accepted };
        }
    }
}

fn own_routes(facts: &Facts) -> BTreeMap<Ipv4Net, Route> {
    let mut routes = BTreeMap::new();
    for (prefix, via) in &facts.statics {
        routes.insert(*prefix, Route { source: Source::Static, via: *via });
    }
    for net in facts.interfaces.iter().flat_map(|interface| &interface.addresses) {
        routes.insert(net.trunc(), Route { source: Source::Connected, via: None });
    }
    routes
}

fn ospf_subnets(facts: &Facts) -> Vec<Ipv4Net> {
    let interfaces = facts.interfaces.iter().filter(|interface| interface.ospf);
    interfaces.flat_map(|interface| interface.addresses.iter().map(Ipv4Net::trunc)).collect()
}
