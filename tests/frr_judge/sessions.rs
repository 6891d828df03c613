//! Live BGP sessions: a change that FRR can make in place must not reset them.

use std::time::{Duration, Instant};

use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

use super::router::{Lab, Router};

/// What the neighbour of every change below has, and a second one that nobody answers for.
const BASE: &str = "hostname r1
ip prefix-list OURS seq 5 permit 203.0.113.0/24
bgp community-list standard CL seq 5 permit 65001:1
bgp as-path access-list AP seq 5 permit ^65550$
route-map IN permit 10
 match ip address prefix-list OURS
 set local-preference 200
route-map IN permit 20
route-map OUT permit 10
router bgp 65001
 bgp router-id 10.255.0.1
 no bgp ebgp-requires-policy
 neighbor SPINE peer-group
 neighbor SPINE remote-as 65100
 neighbor 10.255.0.2 remote-as 65550
 neighbor 10.255.0.2 description uplink
 neighbor 192.0.2.3 remote-as 65003
 address-family ipv4 unicast
  network 198.51.100.0/24
  neighbor 10.255.0.2 route-map IN in
  neighbor 10.255.0.2 maximum-prefix 100
  neighbor 192.0.2.3 weight 5
 exit-address-family
ip route 198.51.100.0/24 blackhole
";

/// Changes: what stands there, and what stands there instead.
const CHANGES: [(&str, &str); 20] = [
    (" neighbor 10.255.0.2 description uplink\n", " neighbor 10.255.0.2 description uplink to r2\n"),
    (" neighbor 10.255.0.2 description uplink\n", ""),
    ("  network 198.51.100.0/24\n", "  network 198.51.100.0/24\n  network 203.0.113.0/24\n"),
    ("  network 198.51.100.0/24\n", "  network 198.51.100.0/24 route-map OUT\n"),
    (" maximum-prefix 100\n", " maximum-prefix 200 80 warning-only\n"),
    (" route-map IN in\n", " route-map IN in\n  neighbor 10.255.0.2 route-map OUT out\n"),
    (" route-map IN in\n", " route-map OUT in\n"),
    (" set local-preference 200\n", " set local-preference 300\n set community 65001:1 additive\n"),
    ("route-map IN permit 20\n", "route-map IN permit 15\n match community CL\nroute-map IN permit 20\n"),
    ("seq 5 permit 203.0.113.0/24\n", "seq 5 permit 203.0.113.0/24 le 28\n"),
    ("permit ^65550$\n", "permit ^65550_\n"),
    (" neighbor SPINE remote-as 65100\n", " neighbor SPINE remote-as 65101\n neighbor SPINE description core\n"),
    (" neighbor 192.0.2.3 remote-as 65003\n", " neighbor 192.0.2.3 remote-as 65004\n"),
    ("  neighbor 192.0.2.3 weight 5\n", "  redistribute static\n  maximum-paths 4\n"),
    (
        " exit-address-family\n",
        " exit-address-family\n address-family ipv6 unicast\n  neighbor 192.0.2.3 activate\n exit-address-family\n",
    ),
    (
        " bgp router-id 10.255.0.1\n",
        " bgp router-id 10.255.0.1\n bgp bestpath as-path multipath-relax\n bgp log-neighbor-changes\n",
    ),
    (
        "  neighbor 10.255.0.2 maximum-prefix 100\n",
        "  neighbor 10.255.0.2 maximum-prefix 100\n  neighbor 10.255.0.2 next-hop-self\n  neighbor 10.255.0.2 prefix-list OURS out\n",
    ),
    (
        "  neighbor 10.255.0.2 maximum-prefix 100\n",
        "  neighbor 10.255.0.2 maximum-prefix 100\n  neighbor 10.255.0.2 default-originate\n  no neighbor 10.255.0.2 send-community\n",
    ),
    (
        "ip route 198.51.100.0/24 blackhole\n",
        "ip route 198.51.100.0/24 blackhole\nrouter ospf\n network 192.0.2.0/24 area 0\n",
    ),
    (
        "ip route 198.51.100.0/24 blackhole\n",
        "ip route 198.51.100.0/24 blackhole\nrouter bgp 65001 vrf RED\n neighbor 192.0.2.9 remote-as 65009\n",
    ),
];

/// How often the session came up and went down; nothing while it is not up.
fn session(router: &Router) -> Option<(u64, u64)> {
    let output = router.exec(&["vtysh", "-c", "show bgp neighbors 10.255.0.2 json"]);
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let peer = all.get("10.255.0.2")?;
    let number = |name: &str| peer.get(name).and_then(serde_json::Value::as_u64);
    if peer.get("bgpState")?.as_str()? != "Established" {
        return None;
    }
    Some((number("connectionsEstablished")?, number("connectionsDropped")?))
}

fn wait_for_session(router: &Router) -> (u64, u64) {
    let start = Instant::now();
    loop {
        if let Some(counters) = session(router) {
            return counters;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the session with the second speaker does not come up");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_change_in_place_resets_no_session() {
    let Some(lab) = Lab::take() else { return };
    let platform = Platform::built_in("frr").expect("the page is good");
    let session_page = platform.page.session.clone().expect("the page says how to talk to FRR");
    let dialect = &platform.dialect;
    let router = lab.router("live".into());
    if let Err(refused) = router.start(BASE, true) {
        panic!("the router refuses the base: {}", refused.words);
    }
    let mut last = wait_for_session(&router);
    let first = last;
    let mut resets = Vec::new();
    let mut type_towards = |name: &str, text: &str| {
        let change = dialect.remediate(&dialect.parse(&router.running()), &dialect.parse(text), &Scope::Replace);
        assert!(!change.commands.is_empty(), "{name}: nothing is to be changed");
        let complaints = router.type_lines(&change.send_lines(&dialect.page.exit), &session_page);
        assert!(complaints.is_empty(), "{name}: {complaints:?}");
        let rest = dialect.remediate(&dialect.parse(&router.running()), &dialect.parse(text), &Scope::Replace);
        assert!(rest.commands.is_empty(), "{name}: still to do\n{}", dialect.commands_text(&rest));
        let now = wait_for_session(&router);
        if now != last {
            resets.push(format!("{name}: {last:?} became {now:?}\n{}", dialect.commands_text(&change)));
            last = now;
        }
    };
    for (old, new) in CHANGES {
        assert!(BASE.contains(old), "{old}");
        type_towards(new, &BASE.replacen(old, new, 1));
        type_towards(&format!("back from {new}"), BASE);
    }
    // the counters would show a reset: one that only a new session can make
    type_towards("a source that changes", &BASE.replacen(" description uplink\n", " update-source swp9\n", 1));
    router.stop();
    assert_eq!(resets.len(), 1, "sessions were reset:\n{}", resets.join("\n"));
    assert!(last.0 > first.0, "a new source must show as a new session");
    crate::support::say(&format!(
        "frr judge: {} changes there and back on a live BGP session, none reset it",
        CHANGES.len()
    ));
}
