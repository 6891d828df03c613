//! The way by which we reach a device: which lines carry it, and which operations touch them.
//!
//! Works on the words of lines, for every syntax. What is not understood is rather called management path than not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::command::{Command, Kind, Operation, Remediation};
use super::dialect::Dialect;
use super::page::Risk;
use super::tree::{ConfigTree, Node};
use super::words::is_interface;

/// How we reach a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The address that we connect to.
    pub address: IpAddr,
    /// The address that we come from, as the device sees it.
    pub source: Option<IpAddr>,
    /// The port that we connect to.
    pub port: u16,
    /// The user that we log in as.
    pub user: Option<String>,
    /// The interface that holds the address, when the inventory knows it.
    pub interface: Option<String>,
    /// The VRF of that interface, when the inventory knows it.
    pub vrf: Option<String>,
}

/// The parts of a running configuration that carry our session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagementPath {
    /// Interfaces: the holder of the address, what it is built from, and where the route to us leaves.
    pub interfaces: BTreeSet<String>,
    /// VRFs of these interfaces.
    pub vrfs: BTreeSet<String>,
    /// Filters applied to these interfaces or to the login lines.
    pub filters: BTreeSet<String>,
    /// Prefixes of static routes by which answers reach us.
    pub routes: BTreeSet<IpNet>,
    /// Whether only dynamic routing can carry the answers.
    pub routed: bool,
    source: Option<IpAddr>,
    user: Option<String>,
    address: Option<IpAddr>,
}

/// One line with all headers above it, as words.
#[derive(Clone, Default)]
struct Flat<'a> {
    words: Vec<&'a str>,
    /// Where the line's own words begin.
    own: usize,
    /// Where each header and the line begin.
    starts: Vec<usize>,
}

/// First words of lines that cannot cut anything off.
const HARMLESS: &[&str] =
    &["description", "descr", "remark", "comment", "alias", "name", "load-interval", "logging", "title"];
/// Words that apply a filter to what they stand in; the next word names it.
const APPLIES: &[&str] = &[
    "access-group", "access-class", "traffic-filter", "packet-filter", "filter", "input", "output", "input-list",
    "acl", "ipv4-filter", "firewall", "in", "local", "inbound", "ingress", "egress",
];
/// Words of lines that define a filter.
const FILTERS: &[&str] =
    &["access-list", "acl", "filter", "prefix-list", "ip-access-list", "firewall", "name", "ipv4-acl", "object-group"];
/// First words of what lets us in: login, its servers, its transport.
const ACCESS: &[&str] = &[
    "aaa", "tacacs", "tacacs-server", "tacacs+", "radius", "radius-server", "hwtacacs", "hwtacacs-server", "ssh",
    "line", "login", "user-interface", "netconf", "netconf-yang", "restconf", "gnmi", "sshd", "telnet",
    "root-authentication", "authentication-order", "management", "stelnet", "sftp", "enable", "local-user",
    "control-plane",
];
/// Pairs of words of the same kind, where the first alone says nothing.
const ACCESS_PAIRS: &[(&str, &str)] = &[
    ("ip", "ssh"),
    ("ip", "tacacs"),
    ("ip", "radius"),
    ("system", "services"),
    ("system", "login"),
    ("service", "ssh"),
    ("services", "ssh"),
    ("system", "management"),
    ("system", "tacplus-server"),
    ("system", "radius-server"),
    ("management", "api"),
    ("feature", "ssh"),
    ("feature", "tacacs+"),
    ("feature", "nxapi"),
    ("server", "ssh"),
    ("service", "https"),
    ("transport", "input"),
    ("ip", "default-gateway"),
    ("default", "gateway"),
    ("mgmt", "gateway"),
    ("system", "aaa"),
    ("system", "security"),
    ("crypto", "key"),
    ("crypto", "pki"),
];
const ROUTING: &[&str] = &["router", "protocols", "ospf", "isis", "bgp", "rip", "ospfv3", "eigrp"];

impl ManagementPath {
    /// Finds what carries our session in a running configuration.
    pub fn find(dialect: &Dialect, running: &ConfigTree, reach: &Reach) -> Self {
        let mut lines = Vec::new();
        flatten(dialect, &running.children, &mut Flat::default(), &mut lines);
        let mut path =
            Self { source: reach.source, user: reach.user.clone(), address: Some(reach.address), ..Self::default() };
        path.interfaces.extend(reach.interface.iter().map(|name| name.to_ascii_lowercase()));
        path.vrfs.extend(reach.vrf.clone());
        path.interfaces.extend(lines.iter().filter(|line| holds(line, reach.address)).filter_map(Flat::interface));
        let members: BTreeMap<String, String> =
            lines.iter().filter_map(|line| Some((line.interface()?, vrf_of(line)?))).collect();
        path.vrfs.extend(path.interfaces.iter().filter_map(|name| members.get(name).cloned()));
        path.find_routes(&lines, &members, reach);
        path.find_parts(&lines);
        let interfaces = path.interfaces.clone();
        for line in lines.iter().filter(|line| line.interface().is_some_and(|name| interfaces.contains(&name))) {
            path.filters.extend(applied(line));
        }
        let access: Vec<&Flat<'_>> = lines.iter().filter(|line| is_access(&line.words)).collect();
        path.filters.extend(access.into_iter().flat_map(applied));
        path
    }

    /// The routes that carry the answers, and the interfaces by which they leave. `members` are the interfaces in VRFs.
    fn find_routes(&mut self, lines: &[Flat<'_>], members: &BTreeMap<String, String>, reach: &Reach) {
        let routes = lines.iter().filter(|line| self.is_our_table(line.vrf())).filter_map(Flat::route);
        let Some(source) = reach.source else {
            // Where we are is unknown: every default route may be the one.
            self.routes = routes.map(|(prefix, _)| prefix).filter(|prefix| prefix.prefix_len() == 0).collect();
            return;
        };
        let mut best: Vec<(IpNet, Option<IpAddr>)> = routes.filter(|(prefix, _)| prefix.contains(&source)).collect();
        let longest = best.iter().map(|(prefix, _)| prefix.prefix_len()).max();
        best.retain(|(prefix, _)| Some(prefix.prefix_len()) == longest);
        let reaches = |net: &IpNet, hop: IpAddr| net.contains(&hop) && net.prefix_len() < net.max_prefix_len();
        let mut found = BTreeSet::new();
        for hop in best.iter().filter_map(|(_, hop)| *hop).chain([source]) {
            let lines = lines
                .iter()
                .filter(|line| line.route().is_none() && line.addresses().iter().any(|net| reaches(net, hop)));
            let names = lines.filter_map(Flat::interface);
            found.extend(names.filter(|name| self.is_our_table(members.get(name).map(String::as_str))));
        }
        self.routed = found.is_empty() && best.is_empty();
        self.interfaces.extend(found);
        self.routes.extend(best.iter().map(|(prefix, _)| *prefix));
    }

    /// Tells whether a VRF (or the table outside all of them) is the one that our address is in.
    fn is_our_table(&self, vrf: Option<&str>) -> bool {
        match vrf {
            Some(vrf) => self.vrfs.contains(vrf) || self.vrfs.is_empty() && self.interfaces.is_empty(),
            None => self.vrfs.is_empty(),
        }
    }

    /// The interfaces that the found ones are built from: members, parents of subinterfaces.
    fn find_parts(&mut self, lines: &[Flat<'_>]) {
        let parents: Vec<String> = self
            .interfaces
            .iter()
            .filter_map(|name| name.rsplit_once('.').map(|(parent, _)| parent.to_owned()))
            .collect();
        self.interfaces.extend(parents);
        for line in lines {
            let words = &line.words[line.own..];
            let bundle = words.iter().position(|word| {
                matches!(*word, "channel-group" | "bundle" | "eth-trunk" | "802.3ad" | "bond-group" | "lag")
            });
            let Some(number) =
                bundle.and_then(|at| words[at + 1..].iter().find(|word| word.bytes().any(|b| b.is_ascii_digit())))
            else {
                continue;
            };
            let number = number.trim_start_matches(|c: char| !c.is_ascii_digit());
            let ours = self.interfaces.iter().any(|name| {
                is_bundle(name)
                    && name.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').next() == Some(number)
            });
            if let Some(member) = line.interface().filter(|_| ours) {
                self.interfaces.insert(member);
            }
        }
    }

    /// Tells whether a line in a section belongs to the management path.
    pub fn touches(&self, dialect: &Dialect, path: &[String], line: &str) -> bool {
        let flat = Flat::new(dialect, path, line);
        let own = &flat.words[flat.own..];
        if own.first().is_none_or(|word| HARMLESS.contains(word)) {
            return false;
        }
        let words = &flat.words;
        let on_interface = flat.interface().is_some_and(|name| self.interfaces.contains(&name));
        on_interface
            || self.is_our_vlan(words)
            || self.is_our_access(&flat)
            || self.is_our_vrf(&flat)
            || self.is_our_filter(words)
            || self.is_our_route(&flat)
            || self.moves_address(&flat)
    }

    /// The VLAN behind a routed VLAN interface.
    fn is_our_vlan(&self, words: &[&str]) -> bool {
        let number = words.first().filter(|word| matches!(**word, "vlan" | "vlans")).and(words.get(1));
        let routed = |number: &&str| {
            ["vlan", "vlanif", "vlan-interface", "irb.", "bvi"]
                .iter()
                .any(|start| self.interfaces.contains(&format!("{start}{number}")))
        };
        number.is_some_and(routed)
    }

    /// Our address given to something else, or taken from it.
    fn moves_address(&self, line: &Flat<'_>) -> bool {
        self.address.is_some_and(|address| holds(line, address))
    }

    fn is_our_access(&self, line: &Flat<'_>) -> bool {
        let words = &line.words;
        if let Some(at) = words.iter().position(|word| matches!(*word, "username" | "local-user" | "user")) {
            let login = at == 0
                || words[..at].iter().any(|word| matches!(*word, "login" | "aaa" | "users" | "system" | "account"));
            let other =
                self.user.as_deref().zip(words.get(at + 1)).is_some_and(|(user, word)| user != word.trim_matches('"'));
            if login {
                return !other;
            }
        }
        is_access(words)
    }

    fn is_our_vrf(&self, line: &Flat<'_>) -> bool {
        let section =
            matches!(line.words.first(), Some(&("vrf" | "routing-instances" | "vrf-context" | "routing-instance")))
                || line.words.starts_with(&["ip", "vrf"])
                || line.words.starts_with(&["ip", "vpn-instance"]);
        section && line.words.iter().take(4).any(|word| self.vrfs.contains(*word))
    }

    fn is_our_filter(&self, words: &[&str]) -> bool {
        let named = |word: &&str| self.filters.contains(word.trim_matches('"'));
        words.iter().any(|word| FILTERS.contains(word)) && words.iter().any(named)
    }

    fn is_our_route(&self, line: &Flat<'_>) -> bool {
        if let Some((prefix, _)) = line.route() {
            if !self.is_our_table(line.vrf()) {
                return false;
            }
            let longest = self.routes.iter().map(IpNet::prefix_len).max().unwrap_or(0);
            let nearer = |source: IpAddr| prefix.contains(&source) && prefix.prefix_len() >= longest;
            return self.routes.contains(&prefix) || self.source.map_or(prefix.prefix_len() == 0, nearer);
        }
        // Only a routing process knows the way: the whole of it, or what it says about our address.
        let whole = line.own == 0
            || line.addresses().iter().any(|net| self.address.is_some_and(|address| net.contains(&address)));
        self.routed && whole && line.words.iter().take(2).any(|word| ROUTING.contains(word))
    }
}

/// Raises the risk of all operations that touch the management path; returns how many were raised.
pub fn raise_risk(dialect: &Dialect, running: &ConfigTree, reach: &Reach, operations: &mut [Operation]) -> usize {
    let path = ManagementPath::find(dialect, running, reach);
    let mut raised = 0;
    for operation in operations {
        let lines = [Some(operation.command.as_str()), operation.old.as_deref()];
        let touches = |line: &str| path.touches(dialect, &operation.path, line);
        if operation.risk != Risk::ManagementPath && lines.into_iter().flatten().any(touches) {
            operation.risk = Risk::ManagementPath;
            raised += 1;
        }
    }
    raised
}

/// Does the same for the commands of a remediation; a command that only opens a section keeps its risk.
pub fn raise_command_risk(
    dialect: &Dialect,
    running: &ConfigTree,
    reach: &Reach,
    remediation: &mut Remediation,
) -> usize {
    let path = ManagementPath::find(dialect, running, reach);
    let mut headers = Vec::new();
    raise_level(dialect, &path, &mut headers, &mut remediation.commands)
}

fn raise_level(dialect: &Dialect, path: &ManagementPath, headers: &mut Vec<String>, commands: &mut [Command]) -> usize {
    let mut raised = 0;
    for command in commands {
        let lines = [Some(command.text.as_str()), command.old.as_deref()];
        let touches = lines.into_iter().flatten().any(|line| path.touches(dialect, headers, line));
        if command.kind != Kind::Enter && command.risk != Risk::ManagementPath && touches {
            command.risk = Risk::ManagementPath;
            raised += 1;
        }
        headers.push(command.text.clone());
        raised += raise_level(dialect, path, headers, &mut command.children);
        headers.pop();
    }
    raised
}

fn flatten<'a>(dialect: &Dialect, nodes: &'a [Node], above: &mut Flat<'a>, out: &mut Vec<Flat<'a>>) {
    for node in nodes {
        let outer = above.own;
        let length = above.words.len();
        above.own = length;
        above.starts.push(length);
        above.words.extend(words_of(dialect, &node.text));
        out.push(above.clone());
        flatten(dialect, &node.children, above, out);
        above.words.truncate(length);
        above.starts.pop();
        above.own = outer;
    }
}

/// The words of a line: without its negation and the verbs of flat languages, brackets and semicolons.
fn words_of<'a>(dialect: &Dialect, line: &'a str) -> impl Iterator<Item = &'a str> {
    let line = dialect.positive(line).0;
    let line = ["set ", "delete ", "nv set ", "nv unset ", "no ", "undo "]
        .iter()
        .find_map(|verb| line.strip_prefix(verb))
        .unwrap_or(line);
    line.split_ascii_whitespace()
        .map(|word| word.trim_matches([';', '\'', '"']))
        .filter(|word| !matches!(*word, "" | "{" | "}" | "/"))
}

impl<'a> Flat<'a> {
    fn new(dialect: &Dialect, path: &'a [String], line: &'a str) -> Self {
        let mut flat = Self::default();
        for text in path.iter().map(String::as_str).chain([line]) {
            flat.own = flat.words.len();
            flat.starts.push(flat.own);
            flat.words.extend(words_of(dialect, text));
        }
        flat
    }

    /// The interface that the line is about, in lower case: `interface X`, `interfaces X unit 0` is `x.0`.
    fn interface(&self) -> Option<String> {
        if let Some(name) = self.words.iter().find_map(|word| word.strip_prefix("interface=")) {
            return Some(name.to_ascii_lowercase());
        }
        let at = self.words.iter().position(|word| matches!(*word, "interface" | "interfaces"))?;
        let mut name = self.words.get(at + 1)?.to_ascii_lowercase();
        // `Vlan 10` in two words; VyOS names the type first: `ethernet eth0`.
        let next = self.words.get(at + 2).copied().filter(|_| !self.starts.contains(&(at + 2))).unwrap_or_default();
        if !name.bytes().any(|b| b.is_ascii_digit()) {
            if is_interface(&format!("{name}{next}")) {
                name.push_str(next);
            } else if is_interface(next) {
                name = next.to_ascii_lowercase();
            }
        }
        let unit = self.words.iter().position(|word| matches!(*word, "unit" | "vif" | "subinterface"));
        if let Some(number) = unit.filter(|unit| *unit > at).and_then(|unit| self.words.get(unit + 1)) {
            name = format!("{name}.{number}");
        }
        Some(name)
    }

    /// The VRF in whose section or with whose name the line stands.
    fn vrf(&self) -> Option<&'a str> {
        let at = self
            .words
            .iter()
            .position(|word| matches!(*word, "vrf" | "vpn-instance" | "routing-instances" | "routing-instance"))?;
        let name =
            |word: &&&str| !matches!(**word, "context" | "definition" | "instance" | "forwarding" | "member" | "name");
        self.words[at + 1..].iter().find(name).copied()
    }

    /// The addresses with their lengths that the line carries: `A/L`, or `A M` with a mask.
    fn addresses(&self) -> Vec<IpNet> {
        let own = &self.words[self.own.min(self.words.len())..];
        let mut out = Vec::new();
        for (at, word) in own.iter().enumerate() {
            let word = word.strip_prefix("address=").unwrap_or(word);
            if let Ok(net) = word.parse::<IpNet>() {
                out.push(net);
            } else if let (Ok(address), Some(Ok(mask))) =
                (word.parse::<Ipv4Addr>(), own.get(at + 1).map(|mask| mask.parse::<Ipv4Addr>()))
                && let Ok(net) = Ipv4Net::with_netmask(address, mask)
            {
                out.push(IpNet::V4(net));
            } else if let (Ok(address), Some(Ok(length))) =
                (word.parse::<Ipv4Addr>(), own.get(at + 1).map(|length| length.parse::<u8>()))
                && let Ok(net) = Ipv4Net::new(address, length)
            {
                out.push(IpNet::V4(net));
            }
        }
        out
    }

    /// The prefix and next hop of a static route.
    fn route(&self) -> Option<(IpNet, Option<IpAddr>)> {
        let words = &self.words;
        let routed = words
            .iter()
            .any(|word| matches!(*word, "route" | "route-static" | "static" | "static-route" | "rib" | "routes"))
            || words.first() == Some(&"/ip") && words.get(1) == Some(&"route");
        if !routed || words.iter().any(|word| matches!(*word, "network" | "neighbor" | "redistribute")) {
            return None;
        }
        let whole = Flat { words: words.clone(), ..Flat::default() };
        let named = words.iter().any(|word| matches!(*word, "default" | "0.0.0.0/0" | "dst-address=0.0.0.0/0"));
        let prefix =
            words.iter().find_map(|word| word.strip_prefix("dst-address=").unwrap_or(word).parse::<IpNet>().ok());
        let prefix = prefix
            .or_else(|| whole.addresses().first().copied())
            .or_else(|| named.then(|| IpNet::V4(Ipv4Net::default())))?;
        let hop =
            words.iter().rev().find_map(|word| word.strip_prefix("gateway=").unwrap_or(word).parse::<IpAddr>().ok());
        let hop = hop.filter(|hop| *hop != prefix.addr() && *hop != prefix.netmask());
        Some((prefix.trunc(), hop))
    }
}

fn is_bundle(name: &str) -> bool {
    ["port-channel", "bundle-ether", "eth-trunk", "bridge-aggregation", "ae", "bond", "po", "lag"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Tells whether a line gives an address to an interface.
fn holds(line: &Flat<'_>, address: IpAddr) -> bool {
    let own = &line.words[line.own.min(line.words.len())..];
    line.interface().is_some()
        && line.route().is_none()
        && (line.addresses().iter().any(|net| net.addr() == address)
            || own.iter().any(|word| *word == "address" || *word == "ipv4" || *word == "ipv6")
                && own.iter().any(|word| word.parse::<IpAddr>() == Ok(address)))
}

fn vrf_of(line: &Flat<'_>) -> Option<String> {
    let own = &line.words[line.own..];
    let at = own.iter().position(|word| matches!(*word, "vrf" | "vpn-instance" | "routing-instance"))?;
    let name = own[at + 1..].iter().find(|word| !matches!(**word, "forwarding" | "member" | "attach"))?;
    Some((*name).to_owned())
}

/// The filters that a line applies to what it stands in.
fn applied(line: &Flat<'_>) -> Vec<String> {
    let own = &line.words[line.own..];
    if !own.iter().any(|word| APPLIES.contains(word)) {
        return Vec::new();
    }
    let plain = |word: &&str| {
        !APPLIES.contains(word)
            && !matches!(
                *word,
                "ip" | "ipv4"
                    | "ipv6"
                    | "inet"
                    | "inet6"
                    | "family"
                    | "out"
                    | "vrf-also"
                    | "access-list"
                    | "name"
                    | "outbound"
            )
    };
    let after = own.iter().position(|word| APPLIES.contains(word)).map_or(0, |at| at + 1);
    own[after..].iter().copied().filter(|word| plain(word)).take(2).map(str::to_owned).collect()
}

fn is_access(words: &[&str]) -> bool {
    words.first().is_some_and(|first| ACCESS.contains(first))
        || words.windows(2).take(3).any(|pair| ACCESS_PAIRS.contains(&(pair[0], pair[1])))
        || words.first().is_some_and(|first| first.starts_with("/user") || first.starts_with("/ip/service"))
}
