//! Global lines, ports, static routes, VRFs, multicast, groups of next hops, BFD, key chains.

use super::{Text, igp, some};

pub(super) fn globals(text: &mut Text<'_>) {
    text.flags(
        0,
        "system",
        6,
        &[
            "log facility local3", "log record-priority", "log timestamp precision 6", "debug bgp updates",
            "debug ospf event", "debug bgp neighbor-events",
        ],
    );
    text.maybe(0, "system/password", 6, |c, n| format!("password {}", c.pick(n, &["hush", "other"])));
    text.maybe(0, "system/router-id", 12, |c, n| {
        format!("ip router-id {}", c.pick(n, &["192.0.2.254", "192.0.2.253"]))
    });
    text.flags(0, "system", 8, &["ip nht resolve-via-default", "ipv6 nht resolve-via-default"]);
    text.maybe(0, "system/keep", 8, |c, n| format!("zebra nexthop-group keep {}", c.pick(n, &["30", "60"])));
    for protocol in ["bgp", "ospf", "static", "any"] {
        text.maybe(0, &format!("system/protocol/{protocol}"), 6, |c, n| {
            format!("ip protocol {protocol} route-map {}", c.pick(n, &["RM1", "RM2"]))
        });
    }
    text.maybe(0, "system/protocol6", 6, |c, n| format!("ipv6 protocol bgp route-map {}", c.pick(n, &["RM1", "RM2"])));
    pim_globals(text, 0, "pim/global");
}

fn pim_globals(text: &mut Text<'_>, depth: usize, base: &str) {
    for group in ["224.0.0.0/4", "239.0.0.0/8", "239.1.0.0/16"] {
        text.maybe(depth, &format!("{base}/rp/{group}"), 12, |c, n| {
            let group = if group == "224.0.0.0/4" {
                c.pick(&format!("{n}/bare"), &["", " 224.0.0.0/4"]).to_owned()
            } else {
                format!(" {group}")
            };
            format!("ip pim rp {}{group}", c.pick(n, &["192.0.2.1", "192.0.2.2"]))
        });
    }
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(depth, &format!("{base}/{line}"), 8, |c, n| format!("{line} {}", c.pick(n, values)));
    };
    value(text, "ip pim join-prune-interval", &["30", "90"]);
    value(text, "ip pim keep-alive-timer", &["100", "200"]);
    value(text, "ip pim packets", &["5", "10"]);
    if depth == 0 {
        value(text, "ip pim register-suppress-time", &["30", "40"]);
    }
    value(text, "ip pim ssm prefix-list", &["PL1", "PL2"]);
    value(text, "ip pim spt-switchover infinity-and-beyond", &["prefix-list PL1", "prefix-list PL2", ""]);
    value(text, "ip msdp mesh-group", &["MG source 192.0.2.254", "MG source 192.0.2.253"]);
    text.maybe(depth, &format!("{base}/msdp"), 6, |_, _| "ip msdp peer 192.0.2.9 source 192.0.2.254".into());
    text.flags(depth, base, 6, &["ip pim ecmp", "ip pim ecmp rebalance"]);
}

pub(super) fn key_chains(text: &mut Text<'_>) {
    for chain in ["KC1", "KC2"] {
        let base = format!("keys/{chain}");
        if !text.choices.chance(&format!("{base}?"), 20) {
            continue;
        }
        text.line(0, format!("key chain {chain}"));
        for key in [1, 2] {
            let base = format!("{base}/{key}");
            if text.choices.chance(&format!("{base}?"), 70) {
                text.line(1, format!("key {key}"));
                text.maybe(2, &format!("{base}/string"), 90, |c, n| {
                    format!("key-string {}", c.pick(n, &["hush", "other"]))
                });
                text.maybe(2, &format!("{base}/algorithm"), 40, |c, n| {
                    format!("cryptographic-algorithm {}", c.pick(n, &["hmac-sha-256", "md5"]))
                });
                text.maybe(2, &format!("{base}/accept"), 25, |c, n| {
                    format!("accept-lifetime 00:00:00 Jan 1 2024 {}", c.pick(n, &["infinite", "duration 3600"]))
                });
                text.maybe(2, &format!("{base}/send"), 25, |_, _| "send-lifetime 00:00:00 Jan 01 2024 infinite".into());
                text.line(1, "exit");
            }
        }
        text.line(0, "exit");
    }
}

fn route(text: &mut Text<'_>, depth: usize, base: &str, tail: &str) {
    for prefix in ["10.1.0.0/16", "10.2.3.4/16", "198.51.100.0/24", "0.0.0.0/0", "10.5.0.0/16"] {
        let name = format!("{base}/{prefix}");
        if !text.choices.chance(&format!("{name}?"), 22) {
            continue;
        }
        let c = text.choices;
        // a tag belongs to prefix and distance, so only one of the next hops may have one
        let number =
            c.pick(&format!("{name}/number"), &["", "", "", " tag 7", " 200", " tag 7 250", " 250 tag 8", " 1"]);
        let discard = c.chance(&format!("{name}/discard"), 30);
        if discard {
            let kind = c.pick(&name, &["blackhole", "reject", "Null0", "null0"]);
            text.line(depth, format!("ip route {prefix} {kind}{number}{tail}"));
            continue;
        }
        let hop = c.pick(&name, &["192.0.2.1", "192.0.2.2", "swp1", "192.0.2.1 swp1", "192.0.2.5 swp2 onlink"]);
        text.line(depth, format!("ip route {prefix} {hop}{number}{tail}"));
        if number.is_empty() || number == " 200" {
            text.maybe(depth, &format!("{name}/second"), 30, |c, n| {
                format!(
                    "ip route {prefix} {}{}{tail}",
                    c.pick(n, &["192.0.2.3", "192.0.2.4"]),
                    c.pick(&format!("{n}/distance"), &["", " 210"])
                )
            });
        }
    }
    for prefix in ["2001:db8:1::/48", "2001:DB8:2::/48", "::/0"] {
        text.maybe(depth, &format!("{base}/{prefix}"), 15, |c, n| {
            let hop = c.pick(n, &["2001:db8::1", "2001:DB8::2", "fe80::1 swp1", "blackhole", "Null0", "swp2"]);
            format!(
                "ipv6 route {prefix} {hop}{}{tail}",
                c.pick(&format!("{n}/number"), &["", "", " 200", " tag 5", " tag 5 200"])
            )
        });
    }
}

pub(super) fn static_routes(text: &mut Text<'_>) {
    route(text, 0, "static/main", "");
    text.maybe(0, "static/leak", 8, |c, n| {
        format!("ip route 10.77.0.0/16 192.0.2.1 nexthop-vrf {}", c.pick(n, &["RED", "BLUE"]))
    });
    text.maybe(0, "static/table", 8, |c, n| {
        format!("ip route 10.78.0.0/16 192.0.2.1 table {}", c.pick(n, &["10", "20"]))
    });
    text.maybe(0, "static/of a vrf", 10, |c, n| {
        format!("ip route 10.79.0.0/16 {} vrf RED", c.pick(n, &["192.0.2.1", "blackhole"]))
    });
}

pub(super) fn vrfs(text: &mut Text<'_>) {
    for (vrf, vni) in [("RED", "1000"), ("BLUE", "2000")] {
        let base = format!("vrf/{vrf}");
        if !text.choices.chance(&format!("{base}?"), 40) {
            continue;
        }
        text.line(0, format!("vrf {vrf}"));
        route(text, 1, &base, "");
        text.maybe(1, &format!("{base}/vni"), 30, |c, n| {
            format!("vni {vni}{}", c.pick(n, &["", "", "1", " prefix-routes-only"]))
        });
        text.maybe(1, &format!("{base}/router-id"), 15, |c, n| {
            format!("ip router-id {}", c.pick(n, &["10.9.9.9", "10.9.9.8"]))
        });
        text.maybe(1, &format!("{base}/protocol"), 10, |c, n| {
            format!("ip protocol bgp route-map {}", c.pick(n, &["RM1", "RM2"]))
        });
        if text.choices.chance(&format!("{base}/pim?"), 15) {
            pim_globals(text, 1, &format!("{base}/pim"));
        }
        text.line(0, "exit-vrf");
    }
}

pub(super) fn interfaces(text: &mut Text<'_>) {
    for port in ["lo", "swp1", "swp2", "swp3", "eth9"] {
        let base = format!("ports/{port}");
        if !text.choices.chance(&format!("{base}?"), 60) {
            continue;
        }
        text.line(0, format!("interface {port}"));
        text.maybe(1, &format!("{base}/description"), 40, |c, n| {
            format!("description {}", c.pick(n, &["uplink to r2", "# to  the left", "old \"text\" here"]))
        });
        for address in ["172.31.0.1/30", "198.51.100.1/24", "10.30.0.1/31"] {
            text.flags(1, &base, 15, &[&format!("ip address {address}")]);
        }
        text.flags(1, &base, 15, &["ipv6 address 2001:DB8:a::1/64", "ipv6 address 2001:db8:b::1/127"]);
        text.maybe(1, &format!("{base}/bandwidth"), 10, |c, n| format!("bandwidth {}", c.pick(n, &["1000", "10000"])));
        text.flags(1, &base, 8, &["shutdown", "link-detect", "no ipv6 nd suppress-ra"]);
        text.maybe(1, &format!("{base}/ra-interval"), 8, |c, n| {
            format!("ipv6 nd ra-interval {}", c.pick(n, &["5", "10"]))
        });
        text.maybe(1, &format!("{base}/ra-lifetime"), 5, |c, n| {
            format!("ipv6 nd ra-lifetime {}", c.pick(n, &["900", "1900"]))
        });
        text.maybe(1, &format!("{base}/nd-prefix"), 5, |_, _| "ipv6 nd prefix 2001:db8:a::/64".into());
        text.maybe(1, &format!("{base}/pbr"), 8, |c, n| format!("pbr-policy {}", c.pick(n, &["PBR1", "PBR2"])));
        ospf_port(text, &base);
        ospf6_port(text, &base);
        isis_port(text, &base);
        pim_port(text, &base);
        text.line(0, "exit");
    }
}

fn ospf_port(text: &mut Text<'_>, base: &str) {
    let base = format!("{base}/ospf");
    if !text.choices.chance(&format!("{base}?"), 45) {
        return;
    }
    if !igp::has_networks(text) {
        text.maybe(1, &format!("{base}/area"), 70, |c, n| {
            format!("ip ospf area {}", c.pick(n, &["0", "0.0.0.0", "1", "0.0.0.1"]))
        });
    }
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), 15, |c, n| {
            format!("ip ospf {line} {}", c.pick(n, values)).trim_end().to_owned()
        });
    };
    value(text, "cost", &["10", "100"]);
    value(text, "network", &["point-to-point", "broadcast", "non-broadcast", "point-to-multipoint"]);
    value(text, "hello-interval", &["1", "5", "10"]);
    value(text, "dead-interval", &["4", "20", "40", "minimal hello-multiplier 4"]);
    value(text, "priority", &["0", "1", "5"]);
    value(text, "retransmit-interval", &["5", "8"]);
    value(text, "transmit-delay", &["2", "3"]);
    value(text, "authentication", &["", "message-digest", "null"]);
    value(text, "authentication-key", &["hush", "other"]);
    value(text, "message-digest-key 1 md5", &["hush", "other"]);
    value(text, "message-digest-key 2 md5", &["hush2"]);
    if text.choices.chance(&format!("{base}/bfd"), 20) {
        text.line(1, "ip ospf bfd");
        value(text, "bfd profile", &["FAST", "SLOW"]);
    }
    value(text, "passive", &[""]);
    value(text, "mtu-ignore", &[""]);
}

fn ospf6_port(text: &mut Text<'_>, base: &str) {
    let base = format!("{base}/ospf6");
    if !text.choices.chance(&format!("{base}?"), 25) {
        return;
    }
    text.maybe(1, &format!("{base}/area"), 70, |c, n| format!("ipv6 ospf6 area {}", c.pick(n, &["0", "0.0.0.0", "1"])));
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), 15, |c, n| {
            format!("ipv6 ospf6 {line} {}", c.pick(n, values)).trim_end().to_owned()
        });
    };
    value(text, "cost", &["10", "100"]);
    value(text, "network", &["point-to-point", "broadcast"]);
    value(text, "hello-interval", &["1", "5", "10"]);
    value(text, "dead-interval", &["4", "20", "40"]);
    value(text, "priority", &["0", "1", "5"]);
    value(text, "instance-id", &["1", "2"]);
    value(text, "bfd", &["", "profile FAST"]);
    value(text, "passive", &[""]);
    value(text, "mtu-ignore", &[""]);
}

fn isis_port(text: &mut Text<'_>, base: &str) {
    if !text.choices.chance("isis?", 40) || !text.choices.chance(&format!("{base}/isis?"), 45) {
        return;
    }
    let base = format!("{base}/isis");
    let instance = some(text.choices, "isis/name", &["CORE", "CORE", "CORE", "EDGE"]);
    let families = text.choices.pick(&format!("{base}/families"), &["ip", "ip", "ipv6", "ip ipv6"]);
    for family in families.split(' ') {
        text.line(1, format!("{family} router isis {instance}"));
    }
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), 15, |c, n| {
            format!("isis {line} {}", c.pick(n, values)).trim_end().to_owned()
        });
    };
    if !base.contains("/lo/") {
        value(text, "network", &["point-to-point"]);
    }
    value(text, "metric", &["50", "60", "70"]);
    value(text, "hello-interval", &["1", "5", "3"]);
    value(text, "hello-multiplier", &["5", "10"]);
    value(text, "csnp-interval", &["20", "30"]);
    value(text, "psnp-interval", &["5", "6"]);
    value(text, "priority", &["70", "80"]);
    value(text, "password", &["clear hush", "md5 hush2"]);
    value(text, "passive", &[""]);
    value(text, "bfd", &["", "", "profile FAST"]);
    text.flags(1, &base, 8, &["no isis hello padding", "no isis three-way-handshake"]);
}

fn pim_port(text: &mut Text<'_>, base: &str) {
    if text.choices.chance(&format!("{base}/pim?"), 25) {
        let base = format!("{base}/pim");
        text.line(1, "ip pim");
        text.maybe(1, &format!("{base}/hello"), 25, |c, n| {
            format!("ip pim hello {}", c.pick(n, &["10", "20", "10 40"]))
        });
        text.maybe(1, &format!("{base}/drpriority"), 25, |c, n| {
            format!("ip pim drpriority {}", c.pick(n, &["10", "100"]))
        });
        text.maybe(1, &format!("{base}/bfd"), 15, |c, n| some(c, n, &["ip pim bfd", "ip pim bfd profile FAST"]));
        // on a port without `ip pim` the last two end pimd
        text.flags(
            1,
            &base,
            10,
            &["ip pim passive", "ip pim use-source 192.0.2.1", "no ip pim bsm", "no ip pim unicast-bsm"],
        );
    }
    if text.choices.chance(&format!("{base}/igmp?"), 20) {
        let base = format!("{base}/igmp");
        text.line(1, "ip igmp");
        let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
            text.maybe(1, &format!("{base}/{line}"), 20, |c, n| format!("ip igmp {line} {}", c.pick(n, values)));
        };
        value(text, "version", &["2", "3"]);
        value(text, "query-interval", &["50", "125"]);
        value(text, "query-max-response-time", &["50", "100"]);
        value(text, "last-member-query-interval", &["20", "30"]);
        value(text, "last-member-query-count", &["3", "5"]);
        // on a port that does not exist the router fails to join
        text.flags(
            1,
            &base,
            if base.contains("eth9") { 0 } else { 15 },
            &["ip igmp join 239.1.1.1", "ip igmp join 239.1.1.2 192.0.2.9"],
        );
    }
}

pub(super) fn groups(text: &mut Text<'_>) {
    for group in ["NHG1", "NHG2"] {
        let base = format!("groups/{group}");
        if text.choices.chance(&format!("{base}?"), 20) {
            text.line(0, format!("nexthop-group {group}"));
            text.flags(
                1,
                &base,
                45,
                &[
                    "nexthop 192.0.2.3", "nexthop 192.0.2.4 swp1", "nexthop 192.0.2.5 weight 5", "nexthop 2001:db8::5",
                    "nexthop 192.0.2.6 nexthop-vrf RED",
                ],
            );
            text.maybe(1, &format!("{base}/backup"), 10, |_, _| "backup-group NHG9".into());
            text.line(0, "exit");
        }
    }
    for map in ["PBR1", "PBR2"] {
        for number in [10, 20] {
            let base = format!("groups/{map}/{number}");
            if text.choices.chance(&format!("{base}?"), 18) {
                text.line(0, format!("pbr-map {map} seq {number}"));
                text.maybe(1, &format!("{base}/src"), 80, |c, n| {
                    format!("match src-ip {}", c.pick(n, &["10.0.0.0/8", "10.1.0.0/16"]))
                });
                text.maybe(1, &format!("{base}/dst"), 40, |c, n| {
                    format!("match dst-ip {}", c.pick(n, &["203.0.113.0/24", "198.51.100.0/24"]))
                });
                text.maybe(1, &format!("{base}/dscp"), 15, |c, n| {
                    format!("match dscp {}", c.pick(n, &["cs1", "af11", "10"]))
                });
                text.maybe(1, &format!("{base}/mark"), 10, |c, n| format!("match mark {}", c.pick(n, &["5", "6"])));
                text.maybe(1, &format!("{base}/set"), 80, |c, n| {
                    some(
                        c,
                        n,
                        &[
                            "set nexthop 192.0.2.2", "set nexthop 192.0.2.3 swp1", "set nexthop-group NHG1",
                            "set vrf RED", "set vrf unchanged",
                        ],
                    )
                });
                text.line(0, "exit");
            }
        }
    }
}

pub(super) fn bfd(text: &mut Text<'_>) {
    if !text.choices.chance("bfd?", 40) {
        return;
    }
    text.line(0, "bfd");
    for (header, percent) in [
        ("profile FAST", 60),
        ("profile SLOW", 40),
        ("peer 192.0.2.1", 30),
        ("peer 192.0.2.2 interface swp1", 30),
        ("peer 192.0.2.3 multihop local-address 192.0.2.254", 25),
        ("peer 192.0.2.4 vrf RED", 15),
        ("peer 2001:db8::9 local-address 2001:db8::1", 10),
    ] {
        let base = format!("bfd/{header}");
        if !text.choices.chance(&format!("{base}?"), percent) {
            continue;
        }
        text.line(1, header);
        let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
            text.maybe(2, &format!("{base}/{line}"), 30, |c, n| {
                format!("{line} {}", c.pick(n, values)).trim_end().to_owned()
            });
        };
        value(text, "detect-multiplier", &["3", "4", "5"]);
        value(text, "receive-interval", &["100", "150", "300"]);
        value(text, "transmit-interval", &["100", "200", "300"]);
        if header.contains("multihop") {
            value(text, "minimum-ttl", &["200", "250"]);
        } else {
            value(text, "echo-mode", &[""]);
            value(text, "echo transmit-interval", &["50", "100"]);
            value(text, "echo receive-interval", &["60", "disabled"]);
        }
        text.flags(2, &base, 12, &["passive-mode"]);
        text.maybe(2, &format!("{base}/shutdown"), 15, |c, n| some(c, n, &["shutdown", "no shutdown"]));
        if header.starts_with("peer") {
            value(text, "profile", &["FAST", "SLOW"]);
        }
        text.line(1, "exit");
    }
    text.line(0, "exit");
}

pub(super) fn line_vty(text: &mut Text<'_>) {
    if text.choices.chance("vty?", 20) {
        text.line(0, "line vty");
        text.maybe(1, "vty/timeout", 60, |c, n| format!("exec-timeout {}", c.pick(n, &["5 0", "0 0", "10 30"])));
        text.maybe(1, "vty/access", 40, |c, n| format!("access-class {}", c.pick(n, &["MGMT", "NETS"])));
        text.line(0, "exit");
    }
}
