//! Grouping: equal changes once, like changes with a table, nothing joined that differs in meaning.

use std::collections::BTreeMap;

use reconverge::domain::config::command::{Kind, Operation};
use reconverge::domain::config::grouping::{Group, ReviewLoad, group, ranges};
use reconverge::domain::config::page::Risk;
use reconverge::domain::name::DeviceName;

fn operation(kind: Kind, path: &[&str], command: &str, old: Option<&str>) -> Operation {
    Operation {
        path: path.iter().map(|header| (*header).to_owned()).collect(),
        kind,
        command: command.to_owned(),
        old: old.map(str::to_owned),
        risk: Risk::ServiceAffecting,
        rule: None,
    }
}

fn add(path: &[&str], command: &str) -> Operation {
    operation(Kind::Add, path, command, None)
}

fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

fn grouped(changes: Vec<(&str, Vec<Operation>)>) -> Vec<Group> {
    group(&changes.into_iter().map(|(device, operations)| (name(device), operations)).collect())
}

#[test]
fn equal_changes_are_one_group() {
    let groups = grouped(vec![
        ("leaf1", vec![add(&[], "ntp server 10.0.0.1")]),
        ("leaf2", vec![add(&[], "ntp server 10.0.0.1")]),
        ("leaf3", vec![add(&[], "ntp server 10.0.0.1")]),
        ("idle", vec![]),
    ]);
    assert_eq!(groups.len(), 1);
    assert!(groups[0].placeholders.is_empty() && groups[0].values.is_empty() && !groups[0].outlier);
    assert_eq!(groups[0].device_ranges(), ["leaf[1-3]"]);
    assert_eq!(groups[0].operations[0].command, "ntp server 10.0.0.1");
    assert_eq!(ReviewLoad::of(&groups).to_string(), "3 devices, 1 distinct change, 1 line to read");
}

#[test]
fn like_changes_get_a_table_of_values() {
    let change = |host: &str, port: &str, address: &str, peer: &str, number: &str| {
        vec![
            operation(Kind::Change, &[&format!("interface {port}")], "mtu 9214", Some("mtu 1500")),
            add(&[&format!("interface {port}")], &format!("description {host} to {peer} via {port}")),
            add(&[&format!("interface {port}")], &format!("ip address {address}/31")),
            add(&[&format!("router bgp {number}")], &format!("neighbor {address} remote-as 65000")),
        ]
    };
    let groups = grouped(vec![
        ("leaf-1", change("leaf-1", "Ethernet49", "10.0.0.1", "leaf-2", "65001")),
        ("leaf-2", change("leaf-2", "Ethernet49", "10.0.0.3", "leaf-1", "65002")),
        ("leaf-3", change("leaf-3", "Ethernet50", "10.0.0.5", "leaf-1", "65003")),
    ]);
    assert_eq!(groups.len(), 1, "{groups:#?}");
    let group = &groups[0];
    assert_eq!(group.placeholders, ["{interface1}", "{device1}", "{prefix1}", "{number1}", "{address1}"]);
    assert_eq!(group.values[&name("leaf-3")], ["Ethernet50", "leaf-1", "10.0.0.5/31", "65003", "10.0.0.5"]);
    assert_eq!(
        group.lines(),
        [
            "  interface {interface1}",
            "-   mtu 1500",
            "+   mtu 9214",
            "+   description {hostname} to {device1} via {interface1}",
            "+   ip address {prefix1}",
            "  router bgp {number1}",
            "+   neighbor {address1} remote-as 65000",
        ]
    );
    assert_eq!(group.value_counts(0), [("Ethernet49".to_owned(), 2), ("Ethernet50".to_owned(), 1)]);
}

#[test]
fn what_differs_in_meaning_is_never_joined() {
    let risky = Operation { risk: Risk::Reachability, ..add(&[], "ntp server 10.0.0.1") };
    let ruled = Operation { rule: Some("ntp server _".into()), ..add(&[], "ntp server 10.0.0.1") };
    let changes = vec![
        ("a", vec![add(&[], "ntp server 10.0.0.1")]),
        ("b", vec![operation(Kind::Remove, &[], "ntp server 10.0.0.2", None)]),
        ("c", vec![add(&[], "no ntp server 10.0.0.2")]),
        ("d", vec![risky]),
        ("e", vec![ruled]),
        ("f", vec![add(&[], "ntp server ntp.example.net")]),
        ("g", vec![add(&[], "ntp server 2001:db8::1")]),
        ("h", vec![add(&[], "ntp server 10.0.0.1/32")]),
        ("i", vec![add(&["ntp"], "server 10.0.0.1")]),
        ("j", vec![add(&[], "ntp server 10.0.0.1"), add(&[], "ntp server 10.0.0.2")]),
        ("k", vec![add(&[], "ntp server Ethernet1")]),
        ("l", vec![add(&[], "ntp server xe-0/0/1")]),
        ("m", vec![add(&[], "ntp server 10")]),
        ("n", vec![add(&[], "ntp server CUST-10")]),
        ("o", vec![operation(Kind::Change, &[], "ntp server 10.0.0.1", Some("ntp server 10.0.0.2"))]),
    ];
    let count = changes.len();
    let groups = grouped(changes);
    assert_eq!(groups.len(), count);
    assert!(groups.iter().all(|group| group.outlier && group.placeholders.is_empty()));
}

#[test]
fn outliers_come_first_then_risk_then_size() {
    let with = |risk: Risk, command: &str| vec![Operation { risk, ..add(&[], command) }];
    let groups = grouped(vec![
        ("a1", with(Risk::Routine, "alpha")),
        ("a2", with(Risk::Routine, "alpha")),
        ("a3", with(Risk::Routine, "alpha")),
        ("b1", with(Risk::Reachability, "beta")),
        ("b2", with(Risk::Reachability, "beta")),
        ("c1", with(Risk::Destructive, "gamma")),
        ("c2", with(Risk::Destructive, "gamma")),
        ("d1", with(Risk::Routine, "delta")),
        ("e1", with(Risk::Routine, "epsilon")),
        ("e2", with(Risk::Routine, "epsilon")),
    ]);
    let order: Vec<&str> = groups.iter().map(|group| group.operations[0].command.as_str()).collect();
    assert_eq!(order, ["gamma", "delta", "beta", "alpha", "epsilon"]);
}

#[test]
fn a_device_with_a_value_of_its_own_is_remarked() {
    let changes: BTreeMap<DeviceName, Vec<Operation>> = (1..=20)
        .map(|n| (name(&format!("sw{n}")), vec![add(&[], if n == 7 { "mtu 1500" } else { "mtu 9214" })]))
        .collect();
    let groups = group(&changes);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].remarkable(), [(name("sw7"), "{number1}".to_owned(), "1500".to_owned())]);
}

#[test]
fn lone_devices_keep_their_name() {
    let groups = grouped(vec![
        ("core1", vec![add(&[], "hostname core1.example.net")]),
        ("core11", vec![add(&[], "snmp-server location core11")]),
    ]);
    let texts: Vec<&str> = groups.iter().map(|group| group.operations[0].command.as_str()).collect();
    assert_eq!(texts, ["hostname core1.example.net", "snmp-server location core11"]);
}

#[test]
fn names_become_ranges() {
    assert_eq!(
        ranges(["leaf-ams-2", "leaf-ams-1", "leaf-ams-4", "leaf-fra-1", "core", "leaf-ams-10"]),
        ["core", "leaf-ams-[1-2,4,10]", "leaf-fra-1"]
    );
    assert_eq!(ranges(["sw08", "sw09", "sw10", "sw11"]), ["sw[08-11]"]);
    assert_eq!(ranges(["sw1", "sw01"]), ["sw01", "sw1"]);
    assert_eq!(ranges(["r1.example", "r2.example"]), ["r[1-2].example"]);
    assert_eq!(
        ranges(["a18446744073709551616", "a18446744073709551615"]),
        ["a18446744073709551615", "a18446744073709551616"]
    );
    assert_eq!(ranges([]), Vec::<String>::new());
}

#[test]
fn twenty_thousand_devices_take_seconds() {
    let fleet = |count: u32| -> BTreeMap<DeviceName, Vec<Operation>> {
        (0..count)
            .map(|n| {
                let port = format!("interface Ethernet{}/{}", n % 7, n % 48);
                let mut operations = vec![
                    add(&[], &format!("hostname leaf{n}")),
                    add(&[&port], &format!("ip address 10.{}.{}.1/24", n / 250, n % 250)),
                ];
                operations.extend((0..8).map(|line| add(&[&port], &format!("option {line} on"))));
                (name(&format!("leaf{n}")), operations)
            })
            .collect()
    };
    let time = |count| {
        let changes = fleet(count);
        let start = std::time::Instant::now();
        let groups = group(&changes);
        assert_eq!((groups.len(), groups[0].devices.len()), (1, count as usize));
        assert_eq!(groups[0].device_ranges(), [format!("leaf[0-{}]", count - 1)]);
        start.elapsed()
    };
    let (small, large) = (time(1_000).max(time(1_000)), time(20_000));
    println!("grouping: 1,000 devices {small:?}, 20,000 devices {large:?}");
    // Twenty times as many devices; a quadratic algorithm would take 400 times as long.
    assert!(large < small * 120, "{small:?} {large:?}");
}

#[test]
fn operations_of_one_shape_have_one_group_on_every_device() {
    let on = |port: &str, address: &str| {
        reconverge::domain::config::grouping::shape_id(&[add(
            &[&format!("interface {port}")],
            &format!("ip address {address}"),
        )])
    };
    let first = on("Ethernet1", "10.0.0.1/31");
    assert_eq!(first.len(), 12);
    assert_eq!(first, on("Ethernet7", "192.0.2.9/24"));
    assert_ne!(first, on("Ethernet1", "dhcp"));
    let removal = operation(Kind::Remove, &["interface Ethernet1"], "ip address 10.0.0.1/31", None);
    assert_ne!(first, reconverge::domain::config::grouping::shape_id(&[removal]));
}
