//! The management path: whatever could cut our own session off is found, and nothing far away is.

use reconverge::domain::config::command::{Kind, Operation};
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::management::{ManagementPath, Reach, raise_command_risk, raise_risk};
use reconverge::domain::config::page::{DialectPage, Risk};
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

fn reach(address: &str, source: Option<&str>) -> Reach {
    Reach {
        address: address.parse().unwrap(),
        source: source.map(|source| source.parse().unwrap()),
        port: 22,
        user: Some("bot".into()),
        interface: None,
        vrf: None,
    }
}

const IOS: &str = "\
vrf definition MGMT
 rd 1:1
vrf definition CUST
 rd 1:2
username bot privilege 15 secret 9 x
username ann privilege 15 secret 9 y
aaa new-model
interface GigabitEthernet0/0
 description oob
 vrf forwarding MGMT
 ip address 192.0.2.10 255.255.255.0
 ip access-group MGMT-IN in
interface GigabitEthernet0/1
 vrf forwarding CUST
 ip address 198.51.100.1 255.255.255.0
 ip access-group CUST-IN in
ip access-list extended MGMT-IN
 permit tcp any any eq 22
ip access-list extended CUST-IN
 permit ip any any
ip access-list standard VTY
 permit 10.0.0.0 0.255.255.255
ip route vrf MGMT 0.0.0.0 0.0.0.0 192.0.2.1
ip route vrf CUST 0.0.0.0 0.0.0.0 198.51.100.2
ip route vrf MGMT 172.16.0.0 255.240.0.0 192.0.2.2
ip ssh version 2
router ospf 1
 network 198.51.100.0 0.0.0.255 area 0
line vty 0 4
 access-class VTY in
";

fn risks(dialect: &Dialect, running: &str, reach: &Reach, operations: &[(&[&str], &str)]) -> Vec<bool> {
    let mut list: Vec<Operation> = operations
        .iter()
        .map(|(path, command)| Operation {
            path: path.iter().map(|header| (*header).to_owned()).collect(),
            kind: Kind::Add,
            command: (*command).to_owned(),
            old: None,
            risk: Risk::Routine,
            rule: None,
        })
        .collect();
    let raised = raise_risk(dialect, &dialect.parse(running), reach, &mut list);
    let out: Vec<bool> = list.iter().map(|operation| operation.risk == Risk::ManagementPath).collect();
    assert_eq!(raised, out.iter().filter(|hit| **hit).count());
    out
}

fn check(dialect: &Dialect, running: &str, reach: &Reach, expected: &[(&[&str], &str, bool)]) {
    let operations: Vec<(&[&str], &str)> = expected.iter().map(|(path, command, _)| (*path, *command)).collect();
    for (hit, (path, command, wanted)) in risks(dialect, running, reach, &operations).into_iter().zip(expected) {
        assert_eq!(hit, *wanted, "{path:?} {command}");
    }
}

#[test]
fn ios_out_of_band() {
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let from = reach("192.0.2.10", Some("10.1.1.1"));
    check(
        &dialect,
        IOS,
        &from,
        &[
            (&["interface GigabitEthernet0/0"], "shutdown", true),
            (&["interface GigabitEthernet0/0"], "no ip address", true),
            (&["interface GigabitEthernet0/0"], "no ip access-group MGMT-IN in", true),
            (&["interface GigabitEthernet0/0"], "description uplink", false),
            (&[], "no interface GigabitEthernet0/0", true),
            (&["interface GigabitEthernet0/1"], "shutdown", false),
            (&["interface GigabitEthernet0/1"], "ip address 192.0.2.10 255.255.255.0", true),
            (&["ip access-list extended MGMT-IN"], "10 deny tcp any any eq 22", true),
            (&["ip access-list extended CUST-IN"], "10 deny ip any any", false),
            (&["ip access-list standard VTY"], "deny 10.0.0.0 0.255.255.255", true),
            (&[], "no ip access-list standard VTY", true),
            (&[], "no ip route vrf MGMT 0.0.0.0 0.0.0.0 192.0.2.1", true),
            (&[], "ip route vrf MGMT 10.1.0.0 255.255.0.0 Null0", true),
            (&[], "ip route vrf MGMT 10.9.0.0 255.255.0.0 Null0", false),
            (&[], "no ip route vrf MGMT 172.16.0.0 255.240.0.0 192.0.2.2", false),
            (&[], "no ip route vrf CUST 0.0.0.0 0.0.0.0 198.51.100.2", false),
            (&[], "no vrf definition MGMT", true),
            (&[], "no vrf definition CUST", false),
            (&[], "no username bot", true),
            (&[], "no username ann", false),
            (&[], "no aaa new-model", true),
            (&[], "no ip ssh version 2", true),
            (&["line vty 0 4"], "transport input none", true),
            (&[], "crypto key zeroize rsa", true),
            (&["router ospf 1"], "network 203.0.113.0 0.0.0.255 area 0", false),
            (&[], "no router ospf 1", false),
            (&[], "ntp server 10.1.1.1", false),
        ],
    );
}

#[test]
fn what_carries_the_session_is_found() {
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let path = ManagementPath::find(&dialect, &dialect.parse(IOS), &reach("192.0.2.10", Some("10.1.1.1")));
    let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    assert_eq!(path.interfaces, set(&["gigabitethernet0/0"]));
    assert_eq!(path.vrfs, set(&["MGMT"]));
    assert!(path.filters.contains("MGMT-IN") && path.filters.contains("VTY") && !path.filters.contains("CUST-IN"));
    assert_eq!(path.routes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0/0"]);
    assert!(!path.routed);
}

#[test]
fn loopback_behind_a_routing_protocol() {
    let dialect = Platform::built_in("frr").unwrap().dialect;
    let running = "interface lo\n ip address 10.0.0.1/32\ninterface eth0\n ip address 10.1.0.0/31\nrouter bgp 65000\n neighbor 10.1.0.1 remote-as 65001\n address-family ipv4 unicast\n  network 10.0.0.1/32\n";
    check(
        &dialect,
        running,
        &reach("10.0.0.1", Some("172.16.0.1")),
        &[
            (&["interface lo"], "no ip address 10.0.0.1/32", true),
            (&[], "no router bgp 65000", true),
            (&["router bgp 65000", "address-family ipv4 unicast"], "no network 10.0.0.1/32", true),
            (&["router bgp 65000"], "no bgp default ipv4-unicast", false),
            (&[], "ip route 172.16.0.0/16 Null0", true),
            (&[], "ip route 192.0.2.0/24 Null0", false),
        ],
    );
    // A source on a connected network: its interface carries us.
    check(
        &dialect,
        running,
        &reach("10.0.0.1", Some("10.1.0.1")),
        &[(&["interface eth0"], "shutdown", true), (&[], "no router bgp 65000", false)],
    );
}

#[test]
fn bundles_subinterfaces_and_vlans() {
    let dialect = Platform::built_in("arista_eos").unwrap().dialect;
    let running = "vlan 10\nvlan 20\ninterface Ethernet1\n   channel-group 5 mode active\ninterface Ethernet2\n   channel-group 6 mode active\ninterface Port-Channel5.100\n   ip address 192.0.2.10/24\ninterface Vlan10\n   ip address 192.0.3.10/24\nmanagement ssh\n   ip access-group SSH in\nip access-list SSH\n   10 permit tcp any any eq ssh\n";
    check(
        &dialect,
        running,
        &reach("192.0.2.10", Some("192.0.2.1")),
        &[
            (&["interface Port-Channel5"], "shutdown", true),
            (&["interface Ethernet1"], "shutdown", true),
            (&["interface Ethernet2"], "shutdown", false),
            (&["management ssh"], "shutdown", true),
            (&["ip access-list SSH"], "no 10", true),
            (&["management api http-commands"], "shutdown", true),
        ],
    );
    check(
        &dialect,
        running,
        &reach("192.0.3.10", None),
        &[
            (&["interface Vlan10"], "shutdown", true),
            (&[], "no vlan 10", true),
            (&[], "no vlan 20", false),
            (&[], "no ip route 0.0.0.0/0 192.0.3.1", true),
        ],
    );
}

#[test]
fn flat_and_brace_languages() {
    let dialect = Dialect::new(DialectPage::default()).unwrap();
    let set = "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.10/24\nset interfaces ge-0/0/0 unit 0 family inet filter input MGMT\nset interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24\nset firewall family inet filter MGMT term a then accept\nset system services ssh\nset system login user bot class super-user\nset routing-options static route 0.0.0.0/0 next-hop 192.0.2.1\n";
    check(
        &dialect,
        set,
        &reach("192.0.2.10", Some("10.0.0.1")),
        &[
            (&[], "delete interfaces ge-0/0/0 unit 0 family inet address 192.0.2.10/24", true),
            (&[], "set interfaces ge-0/0/1 disable", false),
            (&[], "set firewall family inet filter MGMT term a then discard", true),
            (&[], "set firewall family inet filter CUST term a then discard", false),
            (&[], "delete system services ssh", true),
            (&[], "delete system login user bot", true),
            (&[], "delete system login user ann", false),
            (&[], "delete routing-options static route 0.0.0.0/0", true),
            (&[], "set routing-options static route 203.0.113.0/24 discard", false),
        ],
    );
    let vyos = "interfaces {\n    ethernet eth0 {\n        address 192.0.2.10/24\n    }\n    ethernet eth1 {\n        address 198.51.100.1/24\n    }\n}\n";
    check(
        &dialect,
        vyos,
        &reach("192.0.2.10", None),
        &[
            (&["interfaces {", "ethernet eth0 {"], "disable", true),
            (&["interfaces {", "ethernet eth1 {"], "disable", false),
            (&[], "delete interfaces ethernet eth0 address 192.0.2.10/24", true),
            (&[], "delete service ssh", true),
        ],
    );
}

#[test]
fn commands_are_raised_like_operations() {
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let running = dialect.parse(IOS);
    let intended = dialect.parse(&IOS.replace(" ip access-group MGMT-IN in\n", "").replace("rd 1:2", "rd 1:3"));
    let mut remediation = dialect.remediate(&running, &intended, &Scope::Replace);
    let from = reach("192.0.2.10", Some("10.1.1.1"));
    let mut operations = remediation.operations();
    let raised = raise_risk(&dialect, &running, &from, &mut operations);
    assert_eq!(raised, 1);
    assert_eq!(raise_command_risk(&dialect, &running, &from, &mut remediation), 1);
    assert_eq!(remediation.operations(), operations);
    assert_eq!(remediation.risk(), Risk::ManagementPath);
}
