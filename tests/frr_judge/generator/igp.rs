//! OSPF, OSPFv3 and IS-IS instances.

use super::{Text, some};

/// Tells whether ports belong to areas by `network` lines, for the whole router.
pub(super) fn has_networks(text: &Text<'_>) -> bool {
    text.choices.chance("ospf/networks", 45)
}

const REDISTRIBUTED: [&str; 7] = [
    "", "", " metric 20", " metric-type 1", " route-map RM1", " metric 20 metric-type 1 route-map RM2",
    " route-map RM2 metric 30",
];

pub(super) fn ospf(text: &mut Text<'_>) {
    if text.choices.chance("ospf?", 55) {
        text.line(0, "router ospf");
        ospf_instance(text, "ospf/main");
        text.line(0, "!");
    }
    if text.choices.chance("ospf/RED?", 12) {
        text.line(0, "router ospf vrf RED");
        ospf_instance(text, "ospf/RED");
        text.line(0, "!");
    }
}

#[expect(clippy::too_many_lines, reason = "one list of what the language has")]
fn ospf_instance(text: &mut Text<'_>, base: &str) {
    text.maybe(1, &format!("{base}/router-id"), 70, |c, n| {
        format!("ospf router-id {}", c.pick(n, &["192.0.2.254", "192.0.2.253"]))
    });
    text.maybe(1, &format!("{base}/log"), 35, |c, n| {
        some(c, n, &["log-adjacency-changes", "log-adjacency-changes detail"])
    });
    text.flags(1, base, 8, &["compatible rfc1583", "capability opaque", "passive-interface default"]);
    text.maybe(1, &format!("{base}/abr"), 8, |c, n| {
        format!("ospf abr-type {}", c.pick(n, &["cisco", "standard", "shortcut"]))
    });
    if has_networks(text) {
        for network in ["192.0.2.0/30", "10.1.2.3/16", "198.51.100.0/24"] {
            text.maybe(1, &format!("{base}/network/{network}"), 40, |c, n| {
                format!("network {network} area {}", c.pick(n, &["0", "0.0.0.0", "1", "0.0.0.2"]))
            });
        }
    }
    for area in ["1", "0.0.0.2", "3"] {
        let base = format!("{base}/area/{area}");
        if !text.choices.chance(&format!("{base}?"), 40) {
            continue;
        }
        match text.choices.number(&format!("{base}/kind"), 0, 4) {
            0 => text.line(1, format!("area {area} stub")),
            1 => text.line(1, format!("area {area} stub no-summary")),
            2 => text.line(1, format!("area {area} nssa")),
            3 => text.line(1, format!("area {area} nssa no-summary")),
            _ => {}
        }
        text.maybe(1, &format!("{base}/range"), 30, |c, n| {
            format!(
                "area {area} range 10.{area_byte}.0.0/16{}",
                c.pick(n, &["", " cost 50", " not-advertise"]),
                area_byte = &area[area.len() - 1..]
            )
        });
        text.maybe(1, &format!("{base}/range2"), 12, |_, _| format!("area {area} range 172.16.0.0/12"));
        text.maybe(1, &format!("{base}/authentication"), 15, |c, n| {
            format!("area {area} authentication{}", c.pick(n, &["", " message-digest"]))
        });
        text.maybe(1, &format!("{base}/filter"), 10, |c, n| {
            format!(
                "area {area} filter-list prefix {} {}",
                c.pick(n, &["PL1", "PL2"]),
                c.pick(&format!("{n}/way"), &["in", "out"])
            )
        });
        let has_kind = text.choices.number(&format!("{base}/kind"), 0, 4) < 4;
        text.maybe(1, &format!("{base}/default-cost"), if has_kind { 8 } else { 0 }, |c, n| {
            format!("area {area} default-cost {}", c.pick(n, &["5", "10"]))
        });
        text.maybe(1, &format!("{base}/export"), 6, |c, n| {
            format!("area {area} export-list {}", c.pick(n, &["NETS", "MGMT"]))
        });
    }
    for protocol in ["connected", "static", "bgp", "isis"] {
        text.maybe(1, &format!("{base}/redistribute/{protocol}"), 22, |c, n| {
            format!("redistribute {protocol}{}", c.pick(n, &REDISTRIBUTED))
        });
    }
    text.maybe(1, &format!("{base}/default"), 20, |c, n| {
        let tail = [
            "",
            " always",
            " always metric 10",
            " metric 20 metric-type 1",
            " route-map RM1",
            " always metric 5 metric-type 1 route-map RM1",
        ];
        format!("default-information originate{}", c.pick(n, &tail))
    });
    let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), 10, |c, n| format!("{line} {}", c.pick(n, values)));
    };
    value(text, "auto-cost reference-bandwidth", &["10000", "40000", "100000"]);
    value(text, "timers throttle spf", &["10 100 5000", "0 50 5000", "20 200 2000"]);
    value(text, "timers throttle lsa all", &["1000", "3000"]);
    value(text, "timers lsa min-arrival", &["500", "800"]);
    value(text, "distance", &["115", "120"]);
    value(
        text,
        "distance ospf",
        &["intra-area 50", "external 160 inter-area 120", "intra-area 51 inter-area 52 external 53"],
    );
    value(text, "max-metric router-lsa", &["administrative", "on-startup 60", "on-shutdown 30"]);
    value(text, "maximum-paths", &["4", "8"]);
    value(text, "default-metric", &["15", "25"]);
    value(text, "summary-address", &["10.9.0.0/16", "10.9.0.0/16 tag 5"]);
    value(text, "refresh timer", &["20", "30"]);
    value(text, "write-multiplier", &["30", "40"]);
    value(text, "neighbor", &["192.0.2.77", "192.0.2.77 priority 5", "192.0.2.77 poll-interval 90"]);
    value(text, "aggregation timer", &["10", "20"]);
}

pub(super) fn ospf6(text: &mut Text<'_>) {
    for (base, header, percent) in [("ospf6/main", "router ospf6", 40), ("ospf6/RED", "router ospf6 vrf RED", 8)] {
        if !text.choices.chance(&format!("{base}?"), percent) {
            continue;
        }
        text.line(0, header);
        text.maybe(1, &format!("{base}/router-id"), 70, |c, n| {
            format!("ospf6 router-id {}", c.pick(n, &["192.0.2.254", "192.0.2.253"]))
        });
        text.maybe(1, &format!("{base}/log"), 35, |c, n| {
            some(c, n, &["log-adjacency-changes", "log-adjacency-changes detail"])
        });
        for area in ["1", "0.0.0.2"] {
            let base = format!("{base}/area/{area}");
            if !text.choices.chance(&format!("{base}?"), 40) {
                continue;
            }
            match text.choices.number(&format!("{base}/kind"), 0, 5) {
                0 => text.line(1, format!("area {area} stub")),
                1 => text.line(1, format!("area {area} stub no-summary")),
                2 => text.line(1, format!("area {area} nssa")),
                3 => text.line(1, format!("area {area} nssa no-summary")),
                _ => {}
            }
            text.maybe(1, &format!("{base}/range"), 40, |c, n| {
                format!(
                    "area {area} range 2001:db8:{}::/48{}",
                    area.len(),
                    c.pick(n, &["", " cost 50", " not-advertise"])
                )
            });
            text.maybe(1, &format!("{base}/filter"), 10, |c, n| {
                format!("area {area} filter-list prefix {} in", c.pick(n, &["P61", "P62"]))
            });
        }
        for protocol in ["connected", "static", "bgp"] {
            text.maybe(1, &format!("{base}/redistribute/{protocol}"), 25, |c, n| {
                format!(
                    "redistribute {protocol}{}",
                    c.pick(
                        n,
                        &[
                            "", "", " route-map RM1", " route-map RM2", " metric 20", " metric-type 1",
                            " metric 5 metric-type 1 route-map RM1"
                        ]
                    )
                )
            });
        }
        text.maybe(1, &format!("{base}/default"), 20, |c, n| {
            format!(
                "default-information originate{}",
                c.pick(n, &["", " always", " always metric 10", " metric 20 metric-type 1"])
            )
        });
        let value = |text: &mut Text<'_>, line: &str, values: &[&str]| {
            text.maybe(1, &format!("{base}/{line}"), 12, |c, n| format!("{line} {}", c.pick(n, values)));
        };
        value(text, "auto-cost reference-bandwidth", &["10000", "100000"]);
        value(text, "timers throttle spf", &["10 100 5000", "0 50 5000"]);
        value(text, "timers lsa min-arrival", &["500", "800"]);
        value(text, "maximum-paths", &["8", "4"]);
        value(text, "distance", &["115", "120"]);
        value(text, "distance ospf6", &["intra-area 50", "intra-area 51 inter-area 52 external 53"]);
        text.flags(1, base, 8, &["stub-router administrative"]);
        value(text, "summary-address", &["2001:db8:99::/48", "2001:db8:99::/48 tag 5"]);
        text.line(0, "!");
    }
}

pub(super) fn isis(text: &mut Text<'_>) {
    if !text.choices.chance("isis?", 40) {
        return;
    }
    text.line(0, format!("router isis {}", text.choices.pick("isis/name", &["CORE", "CORE", "CORE", "EDGE"])));
    let base = "isis/main";
    text.line(1, format!("net 49.0001.0000.0000.000{}.00", text.choices.pick("isis/net", &["1", "1", "2"])));
    text.maybe(1, "isis/net2", 10, |c, _| {
        format!("net 49.0002.0000.0000.000{}.00", c.pick("isis/net", &["1", "1", "2"]))
    });
    let value = |text: &mut Text<'_>, percent: u64, line: &str, values: &[&str]| {
        text.maybe(1, &format!("{base}/{line}"), percent, |c, n| {
            format!("{line} {}", c.pick(n, values)).trim_end().to_owned()
        });
    };
    value(text, 50, "is-type", &["level-1", "level-2-only", "level-1-2"]);
    value(text, 40, "metric-style", &["wide", "narrow", "transition"]);
    text.flags(1, base, 20, &["log-adjacency-changes", "set-overload-bit"]);
    text.flags(1, base, 8, &["purge-originator", "attached-bit send", "no hostname dynamic", "hostname dynamic"]);
    value(text, 12, "lsp-gen-interval", &["5", "10"]);
    value(text, 8, "lsp-mtu", &["1400", "1300"]);
    value(text, 12, "spf-interval", &["2", "5"]);
    value(text, 12, "area-password", &["clear hush", "md5 hush2"]);
    value(text, 12, "domain-password", &["md5 hush", "clear other", "md5 hush authenticate snp send-only"]);
    value(
        text,
        8,
        "lsp-timers",
        &[
            "gen-interval 5 refresh-interval 800 max-lifetime 1200",
            "gen-interval 6 refresh-interval 700 max-lifetime 1300",
        ],
    );
    value(text, 8, "set-overload-bit on-startup", &["60", "90"]);
    value(
        text,
        8,
        "spf-delay-ietf",
        &["init-delay 50 short-delay 200 long-delay 5000 holddown 10000 time-to-learn 500"],
    );
    for family in ["ipv4", "ipv6"] {
        for protocol in ["connected", "static", "bgp"] {
            value(
                text,
                12,
                &format!("redistribute {family} {protocol} level-2"),
                &["", "metric 10", "route-map RM1", "metric 10 route-map RM2"],
            );
        }
        value(
            text,
            12,
            &format!("default-information originate {family} level-2"),
            &["", "always", "metric 10", "always metric 5"],
        );
    }
    value(text, 12, "topology ipv6-unicast", &["", "overload"]);
    text.line(0, "!");
}
