//! Access lists, prefix lists, BGP lists and route maps.

use super::{Text, some};

const PREFIXES6: [&str; 5] = ["2001:db8::/32", "2001:DB8:1::/48", "::/0", "2001:db8:2::1/48", "fd00::/8"];

pub(super) fn access_lists(text: &mut Text<'_>) {
    for list in ["10", "NETS", "MGMT"] {
        if !text.choices.chance(&format!("filters/acl/{list}?"), 35) {
            continue;
        }
        let numbered = text.choices.chance(&format!("filters/acl/{list}/seq"), 60);
        text.maybe(0, &format!("filters/acl/{list}/remark"), 20, |c, n| {
            format!("access-list {list} remark {}", c.pick(n, &["who may come", "old words", "see ticket 12"]))
        });
        let entries = text.choices.number(&format!("filters/acl/{list}/count"), 1, 4);
        for index in 0..entries {
            let name = format!("filters/acl/{list}/{index}");
            let c = text.choices;
            let action = c.pick(&format!("{name}/action"), &["permit", "deny"]);
            // no entry twice in one list: the router drops the second one without a word
            let at = (c.number(&format!("filters/acl/{list}/first"), 0, 4) + index) % 5;
            let what = if list == "10" {
                [
                    "10.0.0.0 0.255.255.255", "host 192.0.2.1", "192.0.2.0 0.0.0.255", "172.16.0.0 0.15.255.255",
                    "10.9.0.0 0.0.255.255",
                ][at as usize]
            } else {
                ["10.1.0.0/16", "10.2.3.4/16", "192.0.2.0/24", "198.51.100.0/24 exact-match", "203.0.113.0/24"]
                    [at as usize]
            };
            let seq = if numbered { format!("seq {} ", (index + 1) * 10) } else { String::new() };
            text.line(0, format!("access-list {list} {seq}{action} {what}"));
        }
        text.maybe(0, &format!("filters/acl/{list}/last"), 60, |_, _| {
            let seq = if numbered { "seq 90 " } else { "" };
            format!("access-list {list} {seq}deny any")
        });
    }
    if text.choices.chance("filters/acl6?", 30) {
        for index in 0..text.choices.number("filters/acl6/count", 1, 3) {
            let c = text.choices;
            let name = format!("filters/acl6/{index}");
            let action = c.pick(&format!("{name}/action"), &["permit", "deny"]);
            text.line(0, format!("ipv6 access-list V6 seq {} {action} {}", 5 + index * 5, PREFIXES6[index as usize]));
        }
    }
}

pub(super) fn prefix_lists(text: &mut Text<'_>) {
    for list in ["PL1", "PL2", "PL3", "PL4"] {
        let base = format!("filters/pl/{list}");
        if !text.choices.chance(&format!("{base}?"), 65) {
            continue;
        }
        text.maybe(0, &format!("{base}/description"), 20, |c, n| {
            format!("ip prefix-list {list} description {}", c.pick(n, &["own nets", "what we  take", "customers"]))
        });
        let numbered = text.choices.chance(&format!("{base}/seq"), 70);
        let entries = text.choices.number(&format!("{base}/count"), 1, 5);
        let shift = text.choices.number(&format!("{base}/first"), 0, 3) as usize;
        for index in 0..entries {
            let name = format!("{base}/{index}");
            let c = text.choices;
            let action = c.pick(&format!("{name}/action"), &["permit", "permit", "deny"]);
            // no prefix twice in one list: the router drops the second line without a word
            let at = (shift + index as usize) % 5;
            let prefix = ["10.0.0.0/8", "10.1.2.3/16", "192.0.2.0/24", "172.16.0.0/12", "198.51.100.0/24"][at];
            let bounds =
                c.pick(&format!("{name}/bounds"), &["", "", " le 32", " ge 25", " ge 26 le 30", " le 30 ge 26"]);
            let seq = if numbered {
                format!("seq {} ", (index + 1) * c.number(&format!("{base}/step"), 1, 2) * 5)
            } else {
                String::new()
            };
            text.line(0, format!("ip prefix-list {list} {seq}{action} {prefix}{bounds}"));
        }
        text.maybe(0, &format!("{base}/any"), 30, |_, _| {
            format!("ip prefix-list {list} {}permit any", if numbered { "seq 90 " } else { "" })
        });
    }
    for list in ["P61", "P62"] {
        let base = format!("filters/pl6/{list}");
        if !text.choices.chance(&format!("{base}?"), 45) {
            continue;
        }
        let entries = text.choices.number(&format!("{base}/count"), 1, 3);
        for index in 0..entries {
            let c = text.choices;
            let name = format!("{base}/{index}");
            let action = c.pick(&format!("{name}/action"), &["permit", "deny"]);
            let bounds = c.pick(&format!("{name}/bounds"), &["", " le 64", " ge 56"]);
            let prefix = PREFIXES6[index as usize];
            let bounds = if prefix == "::/0" && bounds == " ge 56" { " le 48" } else { bounds };
            text.line(0, format!("ipv6 prefix-list {list} seq {} {action} {prefix}{bounds}", (index + 1) * 5));
        }
    }
}

pub(super) fn bgp_lists(text: &mut Text<'_>) {
    for list in ["AP1", "AP2"] {
        let base = format!("filters/as-path/{list}");
        if text.choices.chance(&format!("{base}?"), 45) {
            let numbered = text.choices.chance(&format!("{base}/seq"), 50);
            for index in 0..text.choices.number(&format!("{base}/count"), 1, 3) {
                let c = text.choices;
                let name = format!("{base}/{index}");
                let action = c.pick(&format!("{name}/action"), &["permit", "deny"]);
                let seq = if numbered { format!("seq {} ", (index + 1) * 5) } else { String::new() };
                let regex =
                    [c.pick(&name, &["^65001$", "^65002_", "_65100$"]), c.pick(&name, &[".*", "^$"]), "^65[0-9]+$"]
                        [index as usize];
                text.line(0, format!("bgp as-path access-list {list} {seq}{action} {regex}"));
            }
        }
    }
    for (kind, list, values) in [
        ("community-list standard", "CL1", ["65001:1", "65001:2 65001:3", "no-export"]),
        ("community-list expanded", "CL2", ["65001:.*", "^65002:1", "_65003:2_"]),
        ("community-list", "10", ["65001:10", "65001:11", "local-AS"]),
        ("large-community-list standard", "LC1", ["65001:1:1", "65001:2:1", "65001:3:3"]),
        ("extcommunity-list standard", "EC1", ["rt 65001:1", "soo 65001:2", "rt 65001:3"]),
    ] {
        let base = format!("filters/community/{list}");
        if text.choices.chance(&format!("{base}?"), 40) {
            let numbered = text.choices.chance(&format!("{base}/seq"), 50);
            for index in 0..text.choices.number(&format!("{base}/count"), 1, 3) {
                let name = format!("{base}/{index}");
                let action = text.choices.pick(&format!("{name}/action"), &["permit", "deny"]);
                let seq = if numbered { format!("seq {} ", (index + 1) * 5) } else { String::new() };
                text.line(0, format!("bgp {kind} {list} {seq}{action} {}", values[index as usize]));
            }
        }
    }
}

pub(super) fn route_maps(text: &mut Text<'_>) {
    for map in ["RM1", "RM2", "RM3", "RM4"] {
        let base = format!("filters/rm/{map}");
        if !text.choices.chance(&format!("{base}?"), 70) {
            continue;
        }
        text.flags(0, &base, 6, &[&format!("no route-map {map} optimization")]);
        for number in [10, 20, 30] {
            let name = format!("{base}/{number}");
            if text.choices.chance(&format!("{name}?"), if number == 10 { 100 } else { 50 }) {
                let action = text.choices.pick(&format!("{name}/action"), &["permit", "permit", "deny"]);
                text.line(0, format!("route-map {map} {action} {number}"));
                route_map_entry(text, &name, map, action);
                text.flags(0, &name, 50, &["exit"]);
                text.line(0, "!");
            }
        }
    }
}

fn route_map_entry(text: &mut Text<'_>, name: &str, map: &str, action: &str) {
    let c = text.choices;
    let clause = |what: &str, percent: u64, values: &[&str]| {
        let name = format!("{name}/{what}");
        c.chance(&format!("{name}?"), percent).then(|| format!("{what} {}", c.pick(&name, values)))
    };
    let lines = [
        clause("description", 20, &["what it does", "another text", "text with | no, with ! mark"])
            .map(|l| l.replace('|', "/")),
        clause("match ip address prefix-list", 35, &["PL1", "PL2", "PL3"]),
        clause("match ip address", 8, &["10", "NETS"]),
        clause("match ip next-hop prefix-list", 8, &["PL1", "PL2"]),
        clause("match ipv6 address prefix-list", 12, &["P61", "P62"]),
        clause("match as-path", 15, &["AP1", "AP2"]),
        clause("match community", 15, &["CL1", "CL2", "CL1 exact-match", "10"]),
        clause("match large-community", 6, &["LC1"]),
        clause("match extcommunity", 6, &["EC1"]),
        clause("match interface", 8, &["swp1", "swp2"]),
        clause("match metric", 8, &["5", "100"]),
        clause("match tag", 8, &["7", "70"]),
        clause("match peer", 5, &["192.0.2.1", "192.0.2.2"]),
        clause("match source-protocol", 4, &["static", "bgp"]),
        clause("match origin", 5, &["igp", "incomplete"]),
        clause("match local-preference", 5, &["100", "200"]),
        clause("match evpn route-type", 4, &["prefix", "macip"]),
        clause("match evpn vni", 3, &["100", "200"]),
        clause("match ip address prefix-len", 4, &["24", "32"]),
        clause("match ip next-hop address", 4, &["192.0.2.1", "192.0.2.9"]),
        clause("match ip route-source", 4, &["10", "NETS"]),
        clause("set as-path prepend", 15, &["65001 65001", "65001", "65001 65001 65001"]),
        clause("set as-path exclude", 5, &["65002", "65002 65003"]),
        clause(
            "set community",
            25,
            &["65001:1", "65001:2 additive", "no-export 65001:9", "65001:1 65001:2 additive", "none"],
        ),
        clause("set comm-list", 6, &["CL1 delete", "CL2 delete"]),
        clause("set extcommunity rt", 6, &["65001:1", "65001:1 65001:2"]),
        clause("set large-community", 6, &["65001:1:1", "65001:1:1 additive"]),
        clause("set ip next-hop", 12, &["192.0.2.1", "192.0.2.9", "peer-address", "unchanged"]),
        clause("set ipv6 next-hop global", 6, &["2001:db8::1", "2001:db8::2"]),
        clause("set local-preference", 25, &["100", "200", "300"]),
        clause("set metric", 20, &["10", "50", "+5"]),
        clause("set metric-type", 5, &["type-1", "type-2"]),
        clause("set origin", 8, &["igp", "incomplete"]),
        clause("set tag", 8, &["9", "90"]),
        clause("set weight", 8, &["10", "20"]),
        clause("set src", 4, &["10.99.0.1", "10.99.0.2"]),
        clause("set distance", 4, &["99", "150"]),
        clause("set originator-id", 4, &["192.0.2.2", "192.0.2.3"]),
        clause("set aggregator as", 4, &["65001 192.0.2.3", "65002 192.0.2.3"]),
    ];
    for line in lines.into_iter().flatten() {
        text.line(1, line);
    }
    text.flags(1, name, 3, &["set atomic-aggregate"]);
    if map != "RM4" {
        text.maybe(1, &format!("{name}/call"), 10, |_, _| "call RM4".into());
    }
    if action == "deny" {
        return;
    }
    text.maybe(1, &format!("{name}/on-match"), 12, |c, n| {
        some(c, n, &["on-match next", "on-match goto 40", "on-match goto 50", "continue 60"])
    });
}
