//! BGP: instances, groups, neighbours of every kind, address families, EVPN.

use super::{Text, some};

/// What a neighbour is, as far as its lines depend on it.
struct Peer {
    name: String,
    is_external: bool,
    is_group: bool,
    is_member: bool,
    is_port: bool,
    is_v6: bool,
}

pub(super) fn instances(text: &mut Text<'_>) {
    if !text.choices.chance("bgp?", 80) {
        return;
    }
    let number =
        some(text.choices, "bgp/as", &["65001", "65001", "65001", "65001", "65001", "65001", "65001", "65002"]);
    text.line(0, format!("router bgp {number}"));
    instance(text, "bgp/main", &number, true);
    text.flags(0, "bgp/main", 60, &["exit", "!"]);
    for vrf in ["RED", "BLUE"] {
        let base = format!("bgp/{vrf}");
        if text.choices.chance(&format!("{base}?"), if vrf == "RED" { 30 } else { 10 }) {
            text.line(0, format!("router bgp {number} vrf {vrf}"));
            instance(text, &base, &number, false);
            text.line(0, "!");
        }
    }
}

fn instance(text: &mut Text<'_>, base: &str, number: &str, is_main: bool) {
    flags(text, base, is_main);
    let peers = peers(text, base, number, is_main);
    for peer in &peers {
        attributes(text, base, peer);
    }
    for group in peers.iter().filter(|peer| peer.is_group) {
        text.maybe(1, &format!("{base}/listen/{}", group.name), 30, |c, n| {
            format!("bgp listen range {} peer-group {}", c.pick(n, &["198.51.100.0/24", "203.0.113.0/25"]), group.name)
        });
    }
    family(text, base, "ipv4 unicast", &peers);
    if text.choices.chance(&format!("{base}/af6?"), 50) {
        family(text, base, "ipv6 unicast", &peers);
    }
    if text.choices.chance(&format!("{base}/evpn?"), 30) {
        evpn(text, base, &peers, is_main);
    }
    if is_main && text.choices.chance(&format!("{base}/vpn?"), 12) {
        text.line(1, "address-family ipv4 vpn");
        for peer in peers.iter().filter(|peer| !peer.is_v6) {
            text.flags(2, &format!("{base}/vpn/{}", peer.name), 40, &[&format!("neighbor {} activate", peer.name)]);
        }
        text.line(1, "exit-address-family");
    }
}

fn flags(text: &mut Text<'_>, base: &str, is_main: bool) {
    text.maybe(1, &format!("{base}/router-id"), 60, |c, n| {
        format!("bgp router-id {}", c.pick(n, &["192.0.2.254", "192.0.2.253", "10.9.9.9"]))
    });
    text.maybe(1, &format!("{base}/policy"), 50, |c, n| {
        some(c, n, &["no bgp ebgp-requires-policy", "no bgp ebgp-requires-policy", "bgp ebgp-requires-policy"])
    });
    text.maybe(1, &format!("{base}/default"), 25, |c, n| {
        some(c, n, &["no bgp default ipv4-unicast", "no bgp default ipv4-unicast", "bgp default ipv4-unicast"])
    });
    text.maybe(1, &format!("{base}/hostname"), 12, |c, n| {
        some(c, n, &["no bgp default show-hostname", "bgp default show-hostname"])
    });
    text.flags(1, base, 20, &["bgp log-neighbor-changes", "bgp bestpath as-path multipath-relax"]);
    text.flags(
        1,
        base,
        9,
        &[
            "no bgp network import-check",
            "bgp always-compare-med",
            "bgp deterministic-med",
            "bgp bestpath compare-routerid",
            "bgp bestpath med missing-as-worst",
            "bgp bestpath as-path confed",
            "bgp disable-ebgp-connected-route-check",
            "bgp graceful-restart",
            "no bgp fast-external-failover",
            "bgp route-reflector allow-outbound-policy",
            "bgp graceful-shutdown",
            "no bgp suppress-duplicates",
            "bgp default show-nexthop-hostname",
        ],
    );
    text.flags(1, base, 5, &["no bgp client-to-client reflection"]);
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), 9, |c, n| format!("{line} {}", c.pick(n, values)));
    };
    value(text, "timers bgp", &["3 9", "10 30", "60 180"]);
    value(text, "bgp cluster-id", &["10.0.0.1", "10.0.0.2"]);
    value(text, "bgp default local-preference", &["150", "250"]);
    value(text, "bgp graceful-restart stalepath-time", &["300", "400"]);
    value(text, "bgp graceful-restart restart-time", &["100", "200"]);
    value(text, "bgp listen limit", &["50", "200"]);
    value(text, "bgp default subgroup-pkt-queue-max", &["50", "60"]);
    if is_main {
        value(text, "bgp confederation identifier", &["100", "200"]);
        value(text, "bgp confederation peers", &["65010 65011", "65010"]);
        value(text, "bgp max-med on-startup", &["60", "90", "60 500"]);
        value(text, "update-delay", &["10", "20 5"]);
        text.flags(1, base, 5, &["bgp suppress-fib-pending"]);
    }
    value(text, "coalesce-time", &["500", "2000"]);
    value(text, "bgp minimum-holdtime", &["10", "20"]);
}

#[expect(clippy::too_many_lines, reason = "one list of what the language has")]
fn peers(text: &mut Text<'_>, base: &str, number: &str, is_main: bool) -> Vec<Peer> {
    let mut out = Vec::new();
    let peer = |name: &str, is_external| Peer {
        name: name.into(),
        is_external,
        is_group: false,
        is_member: false,
        is_port: false,
        is_v6: name.contains(':') || name.starts_with("swp"),
    };
    let mut groups: Vec<(&str, bool, bool)> = Vec::new();
    for group in ["SPINE", "LEAF"] {
        let name = format!("{base}/{group}");
        if text.choices.chance(&format!("{name}?"), 40) {
            let is_external = text.choices.chance(&format!("{name}/external"), 60);
            let has_number = text.choices.chance(&format!("{name}/numbered"), 60);
            text.line(1, format!("neighbor {group} peer-group"));
            if has_number {
                let remote = if is_external {
                    some(text.choices, &name, &["external", "65100", "65101"])
                } else {
                    some(text.choices, &name, &["internal", number])
                };
                text.line(1, format!("neighbor {group} remote-as {remote}"));
            }
            groups.push((group, is_external, has_number));
            out.push(Peer { is_group: true, is_v6: false, ..peer(group, is_external) });
        }
    }
    let mut all = vec!["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.10", "2001:db8:1::1", "2001:db8:1::2"];
    if is_main {
        all.extend(["swp1", "swp2", "swp3"]);
    }
    for address in all {
        let name = format!("{base}/{address}");
        let is_port = address.starts_with("swp");
        if !text.choices.chance(&format!("{name}?"), if is_port { 20 } else { 45 }) {
            continue;
        }
        let c = text.choices;
        let own = || {
            let external = c.chance(&format!("{name}/external"), 65);
            (
                if external {
                    some(c, &name, &["65002", "65003", "external"])
                } else {
                    some(c, &name, &["internal", number])
                },
                external,
            )
        };
        let group = groups.get(usize::try_from(c.number(&format!("{name}/group"), 0, 3)).unwrap()).copied();
        let (remote, external) = match group {
            Some((_, external, true)) => (None, external),
            Some((_, external, false)) => {
                (Some(if external { some(c, &name, &["65002", "65003"]) } else { number.to_owned() }), external)
            }
            None => {
                let (remote, external) = own();
                (Some(remote), external)
            }
        };
        // "external" and a number that is ours do not go together
        let remote =
            remote.map(|remote| if remote == "65002" && number == "65002" { "65009".to_owned() } else { remote });
        let capable = c.chance(&format!("{name}/v6only"), 15) && is_port && remote.is_some();
        match (is_port, &remote, group) {
            (true, Some(remote), _) if capable => {
                text.line(1, format!("neighbor {address} interface v6only remote-as {remote}"));
            }
            (true, Some(remote), None) => text.line(1, format!("neighbor {address} interface remote-as {remote}")),
            (true, Some(remote), Some((group, ..))) => {
                text.line(1, format!("neighbor {address} interface remote-as {remote}"));
                text.line(1, format!("neighbor {address} peer-group {group}"));
            }
            (true, None, Some((group, ..))) => text.line(1, format!("neighbor {address} interface peer-group {group}")),
            (false, remote, group) => {
                if let Some(remote) = remote {
                    text.line(1, format!("neighbor {address} remote-as {remote}"));
                }
                if let Some((group, ..)) = group {
                    text.line(1, format!("neighbor {address} peer-group {group}"));
                }
            }
            (true, None, None) => unreachable!("a neighbour has a number or a group"),
        }
        out.push(Peer { is_port, is_member: group.is_some() && !capable, ..peer(address, external) });
    }
    out
}

fn attributes(text: &mut Text<'_>, base: &str, peer: &Peer) {
    let n = &peer.name;
    let base = format!("{base}/{n}");
    let value = |text: &mut Text<'_>, percent: u64, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), percent, |c, name| {
            format!("neighbor {n} {line} {}", c.pick(name, values)).trim_end().to_owned()
        });
    };
    let few = if peer.is_member { 5 } else { 12 };
    value(text, 35, "description", &["transit one", "old customer", "text  with ! marks # inside"]);
    value(text, 15, "timers", &["10 30", "3 9", "60 180"]);
    value(text, few, "timers connect", &["5", "10", "120"]);
    value(text, few, "password", &["hush", "s3cret!word"]);
    if !peer.is_port {
        value(text, few, "update-source", if peer.is_v6 { &["lo", "swp1"] } else { &["lo", "192.0.2.254"] });
    }
    if peer.is_external && !peer.is_member {
        match text.choices.number(&format!("{base}/hops"), 0, 7) {
            0 | 1 => value(text, 100, "ebgp-multihop", &["", "3", "255"]),
            2 => value(text, 100, "ttl-security hops", &["2", "3"]),
            3 => value(text, 100, "disable-connected-check", &[""]),
            _ => {}
        }
        value(text, 6, "local-as", &["65055", "65056 no-prepend", "65055 no-prepend replace-as"]);
    }
    match text.choices.number(&format!("{base}/bfd"), 0, 9) {
        0 => value(text, 100, "bfd", &[""]),
        1 => value(text, 100, "bfd profile", &["FAST", "SLOW"]),
        2 => {
            value(text, 100, "bfd", &[""]);
            value(text, 50, "bfd check-control-plane-failure", &[""]);
        }
        _ => {}
    }
    value(text, few, "advertisement-interval", &["0", "5", "10"]);
    value(text, few, "shutdown", &["", "message planned work"]);
    value(text, 6, "passive", &[""]);
    value(text, 5, "port", &["1179", "2179"]);
    // a port always has it
    value(text, if peer.is_port { 0 } else { 5 }, "capability extended-nexthop", &[""]);
    value(text, 5, "capability dynamic", &[""]);
    value(text, 5, "dont-capability-negotiate", &[""]);
    value(text, 4, "enforce-first-as", &[""]);
    value(text, 4, "strict-capability-match", &[""]);
    value(text, 4, "sender-as-path-loop-detection", &[""]);
}

#[expect(clippy::too_many_lines, reason = "one list of what the language has")]
fn family(text: &mut Text<'_>, base: &str, family: &str, peers: &[Peer]) {
    let is_v6 = family.starts_with("ipv6");
    let base = format!("{base}/{family}");
    // many people write the lines of the default family without its header
    let is_implicit = !is_v6 && text.choices.chance(&format!("{base}/implicit"), 12);
    let depth = if is_implicit { 1 } else { 2 };
    if !is_implicit {
        text.line(1, format!("address-family {family}"));
    }
    let networks: &[&str] = if is_v6 {
        &["2001:db8:10::/48", "2001:DB8:20::1/48", "2001:db8:30::/48"]
    } else {
        &["203.0.113.0/24", "10.1.2.3/8", "10.0.0.0", "172.16.5.0/24", "203.0.112.0/24"]
    };
    let mut seen = Vec::new();
    for network in networks {
        let canonical = network.split('.').next().unwrap_or_default();
        if canonical == "10" && seen.contains(&canonical) {
            continue;
        }
        if text.choices.chance(&format!("{base}/network/{network}?"), 25) {
            seen.push(canonical);
            let tail = text.choices.pick(
                &format!("{base}/network/{network}"),
                &["", "", " route-map RM1", " route-map RM2", " label-index 5"],
            );
            text.line(depth, format!("network {network}{tail}"));
        }
    }
    let aggregates: &[&str] = if is_v6 { &["2001:db8::/32"] } else { &["203.0.112.0/20", "172.16.0.0/12"] };
    for aggregate in aggregates {
        text.maybe(depth, &format!("{base}/aggregate/{aggregate}"), 18, |c, n| {
            let tail = [
                "", " summary-only", " as-set", " summary-only as-set", " as-set summary-only route-map RM1",
                " route-map RM2", " origin igp", " matching-MED-only",
            ];
            format!("aggregate-address {aggregate}{}", c.pick(n, &tail))
        });
    }
    let protocols: &[&str] = if is_v6 {
        &["connected", "static", "ospf6", "isis", "kernel"]
    } else {
        &["connected", "static", "ospf", "isis", "table 10"]
    };
    for protocol in protocols {
        text.maybe(depth, &format!("{base}/redistribute/{protocol}"), 20, |c, n| {
            let tail = ["", "", " route-map RM1", " metric 20", " metric 20 route-map RM2", " route-map RM1 metric 5"];
            format!("redistribute {protocol}{}", c.pick(n, &tail))
        });
    }
    for peer in peers {
        family_neighbor(text, depth, &base, peer, is_v6);
    }
    if !is_implicit || !is_v6 {
        text.maybe(depth, &format!("{base}/maximum-paths"), 15, |c, n| {
            format!("maximum-paths {}", c.pick(n, &["1", "4", "8"]))
        });
        text.maybe(depth, &format!("{base}/maximum-paths ibgp"), 10, |c, n| {
            format!("maximum-paths ibgp {}", c.pick(n, &["2", "8", "4 equal-cluster-length"]))
        });
        text.maybe(depth, &format!("{base}/distance"), 8, |c, n| {
            format!("distance bgp {}", c.pick(n, &["21 201 202", "20 200 200", "25 205 205"]))
        });
    }
    if !is_implicit {
        text.maybe(2, &format!("{base}/table-map"), 5, |c, n| format!("table-map {}", c.pick(n, &["RM1", "RM2"])));
        text.maybe(2, &format!("{base}/dampening"), 5, |c, n| {
            some(c, n, &["bgp dampening", "bgp dampening 10", "bgp dampening 10 800 2500 40"])
        });
        if base.contains("RED") {
            text.flags(2, &base, 30, &["rd vpn export 65001:1", "label vpn export auto", "export vpn", "import vpn"]);
            text.maybe(2, &format!("{base}/rt"), 30, |c, n| {
                some(c, n, &["rt vpn both 65001:1", "rt vpn import 65001:1", "rt vpn export 65001:1 65001:2"])
            });
        } else if base.contains("main") && text.choices.chance("bgp/RED?", 30) {
            text.maybe(2, &format!("{base}/import vrf"), 5, |_, _| "import vrf RED".into());
        }
        text.line(1, "exit-address-family");
    }
}

fn family_neighbor(text: &mut Text<'_>, depth: usize, base: &str, peer: &Peer, is_v6: bool) {
    let n = &peer.name;
    let name = format!("{base}/{n}");
    if is_v6 {
        if !text.choices.chance(&format!("{name}/activate"), if peer.is_v6 { 80 } else { 15 }) {
            return;
        }
        text.line(depth, format!("neighbor {n} activate"));
    } else {
        text.maybe(depth, &format!("{name}/activate"), 20, |c, p| {
            format!("{}neighbor {n} activate", c.pick(p, &["no ", "no ", ""]))
        });
    }
    let value = |text: &mut Text<'_>, percent: u64, line: &str, values: &[&str]| {
        text.maybe(depth, &format!("{name}/{line}"), percent, |c, p| {
            let (first, last) = line.split_once('~').unwrap_or((line, ""));
            format!("neighbor {n} {first} {}{last}", c.pick(p, values)).trim_end().to_owned()
        });
    };
    let few = if peer.is_member { 3 } else { 8 };
    value(text, 25, "route-map~ in", &["RM1", "RM2", "NONE"]);
    value(text, 25, "route-map~ out", &["RM1", "RM3", "NONE"]);
    let lists: &[&str] = if is_v6 { &["P61", "P62"] } else { &["PL1", "PL2"] };
    value(text, few, "prefix-list~ in", lists);
    value(text, few, "prefix-list~ out", lists);
    value(text, few, "filter-list~ in", &["AP1", "AP2"]);
    value(
        text,
        few,
        "maximum-prefix",
        &["100", "100 80", "200 warning-only", "100 restart 5", "100 80 warning-only", "300 force"],
    );
    value(text, few, "default-originate", &["", "route-map RM1", "route-map RM2"]);
    value(text, few, "allowas-in", &["", "3", "5", "origin"]);
    value(text, few, "weight", &["100", "200"]);
    value(text, 12, "next-hop-self", &["", "force"]);
    value(text, 12, "soft-reconfiguration inbound", &[""]);
    value(text, few, "as-override", &[""]);
    value(text, few, "remove-private-AS", &["", "all", "replace-AS", "all replace-AS"]);
    let serves = !peer.is_member && peer.is_external && text.choices.chance(&format!("{name}/serves"), 6);
    value(
        text,
        if serves || peer.is_member { 0 } else { few },
        "attribute-unchanged",
        &["", "as-path", "next-hop med", "as-path next-hop med"],
    );
    value(text, few, "addpath-tx-all-paths", &[""]);
    value(text, 3, "unsuppress-map", &["RM1", "RM2"]);
    value(text, 3, "soo", &["65001:5", "65001:6"]);
    value(text, 3, "maximum-prefix-out", &["50", "60"]);
    value(text, 2, "advertise-map", &["RM1 exist-map RM2", "RM1 non-exist-map RM2"]);
    value(text, 3, "capability orf prefix-list", &["send", "both", "receive"]);
    if !peer.is_external && !peer.is_member {
        value(text, 25, "route-reflector-client", &[""]);
    } else if serves {
        value(text, 100, "route-server-client", &[""]);
    }
    match text.choices.number(&format!("{name}/send-community"), 0, 11) {
        0 => text.line(depth, format!("no neighbor {n} send-community")),
        1 => text.line(depth, format!("neighbor {n} send-community both")),
        2 => text.line(depth, format!("no neighbor {n} send-community extended")),
        3 => text.line(depth, format!("no neighbor {n} send-community all")),
        4 => text.line(depth, format!("neighbor {n} send-community")),
        _ => {}
    }
}

fn evpn(text: &mut Text<'_>, base: &str, peers: &[Peer], is_main: bool) {
    let base = format!("{base}/evpn");
    text.line(1, "address-family l2vpn evpn");
    if is_main {
        for peer in peers {
            let name = format!("{base}/{}", peer.name);
            if text.choices.chance(&format!("{name}?"), 50) {
                text.line(2, format!("neighbor {} activate", peer.name));
                text.maybe(2, &format!("{name}/route-map"), 15, |c, n| {
                    format!("neighbor {} route-map {} in", peer.name, c.pick(n, &["RM1", "RM2"]))
                });
                if !peer.is_external && !peer.is_member {
                    text.flags(2, &name, 20, &[&format!("neighbor {} route-reflector-client", peer.name)]);
                }
                text.flags(2, &name, 10, &[&format!("neighbor {} soft-reconfiguration inbound", peer.name)]);
            }
        }
        if text.choices.chance(&format!("{base}/vnis"), 60) {
            vnis(text, &base);
        }
    } else {
        text.maybe(2, &format!("{base}/advertise4"), 50, |c, n| {
            some(c, n, &["advertise ipv4 unicast", "advertise ipv4 unicast route-map RM1"])
        });
        text.flags(2, &base, 30, &["advertise ipv6 unicast", "default-originate ipv4"]);
        text.maybe(2, &format!("{base}/rd"), 30, |c, n| format!("rd {}", c.pick(n, &["65001:51", "65001:52"])));
        // no route targets: bgpd 8.4.4 ends itself when they are changed for a VRF without a VNI
    }
    text.line(1, "exit-address-family");
}

/// What a router takes only after `advertise-all-vni`.
fn vnis(text: &mut Text<'_>, base: &str) {
    text.line(2, "advertise-all-vni");
    text.flags(2, base, 15, &["advertise-default-gw", "advertise-svi-ip", "dup-addr-detection max-moves 7 time 200"]);
    for vni in ["100", "200", "300"] {
        let name = format!("{base}/vni/{vni}");
        if text.choices.chance(&format!("{name}?"), 25) {
            text.line(2, format!("vni {vni}"));
            text.maybe(3, &format!("{name}/rd"), 60, |c, n| {
                format!("rd {}", c.pick(n, &["192.0.2.1:100", "65001:200"]))
            });
            text.flags(3, &name, 20, &["advertise-default-gw", "advertise-svi-ip"]);
            text.line(2, "exit-vni");
        }
    }
}
