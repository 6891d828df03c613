//! Inventories: selectors, groups by weight, data in layers.

use std::collections::BTreeMap;

use reconverge::domain::intent::{self, Intent};
use reconverge::domain::inventory::{HostKeyPolicy, Mode, Selector};
use reconverge::domain::name::DeviceName;

use crate::intents::{platforms, snapshot};

fn load(files: &[(&str, &str)]) -> (Intent, Vec<String>) {
    let mut all = BTreeMap::from([("reconverge.yaml".to_owned(), String::new())]);
    all.insert("templates/frr/main.j2".to_owned(), "x\n".to_owned());
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let (intent, findings) = intent::load(&snapshot(all), &platforms());
    (intent, findings.iter().map(ToString::to_string).collect())
}

fn good(files: &[(&str, &str)]) -> Intent {
    let (intent, findings) = load(files);
    assert_eq!(findings, Vec::<String>::new());
    intent
}

fn device(text: &str) -> DeviceName {
    text.parse().expect("a name")
}

const DEVICES: &str = "\
- {name: edge-1, platform: frr, address: 192.0.2.1, labels: {site: ams, role: edge}, groups: [core]}
- {name: edge-2, platform: frr, address: 192.0.2.2, labels: {site: lon, role: edge}}
- {name: leaf-1, platform: frr, address: 192.0.2.3, labels: {site: ams, role: leaf, rack: 7}, groups: [pod]}
- {name: spine-1, platform: frr, address: 192.0.2.4, labels: {site: ams, role: spine},
   suspended: {reason: repair, until: 2026-03-01}}
";

#[test]
fn selectors_choose_devices() {
    let intent = good(&[
        ("inventory/lab.yaml", DEVICES),
        ("inventory/groups/core.yaml", ""),
        ("inventory/groups/pod.yaml", "parents: [core]\n"),
    ]);
    let all = "edge-1 edge-2 leaf-1 spine-1";
    let cases = [
        ("all", all),
        ("site=ams", "edge-1 leaf-1 spine-1"),
        ("site=ams role=leaf", "leaf-1"),
        ("site=ams and role=leaf", "leaf-1"),
        ("site=ams role in (leaf,spine) !suspended", "leaf-1"),
        ("role=leaf or role=spine", "leaf-1 spine-1"),
        ("role not in (leaf, spine)", "edge-1 edge-2"),
        ("name~'^edge-'", "edge-1 edge-2"),
        ("name!~'^edge-'", "leaf-1 spine-1"),
        ("group=core", "edge-1 leaf-1"),
        ("group=pod", "leaf-1"),
        ("not (site=ams or role=leaf)", "edge-2"),
        ("site=lon or site=ams role=spine", "edge-2 spine-1"),
        ("rack=7", "leaf-1"),
        ("rack!=7", "edge-1 edge-2 spine-1"),
        ("platform=frr !(suspended)", "edge-1 edge-2 leaf-1"),
        ("suspended", "spine-1"),
        ("address=192.0.2.2", "edge-2"),
        ("site=\"ams\" !!suspended", "spine-1"),
    ];
    for (text, expected) in cases {
        let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<&str> = intent.inventory.select(&selector).map(|device| device.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
    let wrong = [
        ("", "column 1: a condition such as role=leaf is expected"),
        ("site=", "column 6: a value is missing"),
        ("site=ams or", "column 12: a condition"),
        ("edge-1", "column 1: \"edge-1\" alone says nothing; write name=edge-1"),
        ("(site=ams", "column 10: a ')' is missing"),
        ("site=ams)", "column 9: ')' does not belong here"),
        ("role in leaf", "column 9: a '(' is expected"),
        ("name~'['", "column 6: \"[\" is not a regular expression"),
        ("name~'x", "column 6: the quote is not closed"),
        ("a=b $", "column 5: '$' is not allowed here"),
        ("or", "column 1: a field name is expected"),
    ];
    for (text, expected) in wrong {
        let error = Selector::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Selector::parse(&"(".repeat(3000)).is_err());
    assert!(Selector::parse(&"!".repeat(3000)).is_err());
    assert!(Selector::parse(&"x".repeat(9999)).is_err());
}

#[test]
fn groups_order_data_by_weight_and_give_defaults() {
    let intent = good(&[
        ("inventory/devices.yaml", "r1: {address: 192.0.2.1, groups: [b, a, light], labels: {own: here}}\n"),
        (
            "inventory/groups/base.yaml",
            "vars: {x: base, base: 1}\ndefaults: {platform: frr, port: 2200, labels: {own: group}}\n",
        ),
        ("inventory/groups/a.yaml", "parents: [base]\nvars: {x: a, y: a}\ndefaults: {port: 2222, mode: merge}\n"),
        ("inventory/groups/b.yaml", "weight: 200\nvars: {x: b}\n"),
        ("inventory/groups/light.yaml", "weight: 1\nvars: {x: light, y: light, z: light}\n"),
        ("data/platform/frr.yaml", "z: platform\nw: platform\n"),
        ("data/device/r1.yaml", "w: device\n"),
    ]);
    let r1 = &intent.inventory.devices[&device("r1")];
    let groups: Vec<&str> = r1.groups.iter().map(|group| group.as_str()).collect();
    assert_eq!(groups, ["light", "base", "a", "b"]);
    assert_eq!((r1.port, r1.label("own"), &r1.mode), (2222, Some("here"), &Mode::Merge));
    let data = intent.data_of(r1).to_json();
    assert_eq!(data, serde_json::json!({"z": "light", "w": "device", "x": "b", "y": "a", "base": 1}));
}

#[test]
fn data_merges_as_it_is_declared() {
    let intent = good(&[
        ("inventory/devices.yaml", "r1: {platform: frr, address: 192.0.2.1, labels: {site: ams}}\n"),
        (
            "data/global.yaml",
            "ntp: [a]\ndns: {_merge: {servers: append}, servers: [x], domain: d}\nacl: {in: [1, 2]}\n\
             _merge: {vlans: id}\nvlans: [{id: 1, name: one, tags: {a: 1}}, {id: 2, name: two}, {id: 3, name: three}]\n",
        ),
        ("data/site/ams.yaml", "ntp: [b]\ndns: {servers: [y]}\n"),
        (
            "data/device/r1.yaml",
            "acl: {in: [3]}\nvlans: [{id: 2, name: zwei}, {id: 9}, {id: 3, _remove: true}, {id: 1, tags: {b: 2}}]\n",
        ),
    ]);
    let expected = serde_json::json!({
        "ntp": ["b"],
        "dns": {"servers": ["x", "y"], "domain": "d"},
        "acl": {"in": [3]},
        "vlans": [{"id": 1, "name": "one", "tags": {"a": 1, "b": 2}}, {"id": 2, "name": "zwei"}, {"id": 9}],
    });
    let r1 = &intent.inventory.devices[&device("r1")];
    assert_eq!(intent.data_of(r1).to_json(), expected);
    let tags = intent::explain(&intent, &device("r1"), Some("vlans[0].tags.b"));
    assert_eq!(tags.iter().map(|l| (l.layer.as_str(), l.place.line)).collect::<Vec<_>>(), [("device r1", 2)]);
}

#[test]
fn doors_and_secrets_are_looked_at() {
    let (_, findings) = load(&[
        (
            "inventory/devices.yaml",
            "r1: {platform: frr, address: 192.0.2.1}\nr2: {platform: frr, address: 192.0.2.1}\n\
             r3: {platform: frr, address: 192.0.2.1, port: 23}\n\
             r4: {platform: frr, address: 192.0.2.1, options: {vtysh: vtysh -N r4}}\nr1: {platform: frr, address: 192.0.2.5}\n",
        ),
        ("inventory/more.yaml", "- {name: r3, platform: frr, address: '2001:db8::1'}\n"),
        ("data/global.yaml", "snmp: {community: public-word}\nusers: [{name: x, password: $6$salt$hash}]\n"),
        ("inventory/readme.txt", "x"),
    ]);
    let expected = [
        "data/global.yaml:1:19: warning: \"community\" looks like a secret in plain text (write secret://env/NAME or \
         secret://file/PATH#KEY and use {{ secret(…) }} in the template)",
        "inventory/devices.yaml:5:1: error: the key \"r1\" is there twice (the first one is in line 1)",
        "inventory/more.yaml:1:3: error: r3: the device r3 is there twice (the first one is in inventory/devices.yaml:3)",
        "inventory/readme.txt:0:0: warning: this file is not read (only files that end in .yaml are read here)",
    ];
    assert_eq!(findings, expected);
    let (_, findings) = load(&[(
        "inventory/devices.yaml",
        "r1: {platform: frr, address: 192.0.2.1}\nr2: {platform: frr, address: 192.0.2.1}\n",
    )]);
    let expected = "inventory/devices.yaml:2:1: error: r2: r1 and r2 have the same address 192.0.2.1 port 22 (the other one is in \
                    inventory/devices.yaml:1)";
    assert_eq!(findings, [expected]);
}

#[test]
fn credentials_are_references() {
    let settings =
        "credentials:\n  default: {user: ops, password: secret://env/P}\n  other: {user: o, key: secret://file/k#x}\n";
    let intent = good(&[
        ("reconverge.yaml", settings),
        (
            "inventory/devices.yaml",
            "r1: {platform: frr, address: a}\nr2: {platform: frr, address: b, credentials: other, user: me}\n",
        ),
    ]);
    let of = |name: &str| intent.inventory.devices[&device(name)].credentials.clone().expect("credentials");
    assert_eq!(of("r1").password.map(|reference| reference.to_string()).as_deref(), Some("secret://env/P"));
    assert_eq!((of("r2").user.as_str(), of("r2").password, of("r2").key.is_some()), ("me", None, true));
}

const BEHIND: &str = "\
credentials:
  default: {user: ops, password: secret://env/P, key: secret://file/k, passphrase: secret://env/Q, certificate: secret://file/c}
  agent: {user: ops, agent: env, agent_key: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,
          answers: [{question: '(?i)code', answer: secret://env/C}]}
jump_hosts:
  edge: {address: 192.0.2.10, host_key: accept_new, legacy_algorithms: true}
  core: {address: core.example, port: 2222, credentials: agent,
         host_key: '@cert-authority SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}
logins: {per_site: 8, per_device: 1}
";

#[test]
fn jump_hosts_and_connections_come_from_the_device_or_its_group() {
    let intent = good(&[
        ("reconverge.yaml", BEHIND),
        (
            "inventory/devices.yaml",
            "r1: {platform: frr, address: 10.0.0.1, groups: [far], connection: {keepalive: 0s, command_timeout: 2m}}\n\
             r2: {platform: frr, address: 10.0.0.1, groups: [far], via: [core]}\n\
             r3: {platform: frr, address: 10.0.0.1, groups: [far], via: [], connection: {transport: ssh}}\n",
        ),
        (
            "inventory/groups/far.yaml",
            "defaults: {via: [edge, core], connection: {transport: telnet, legacy_algorithms: true, keepalive: 30s}}\n",
        ),
    ]);
    let of = |name: &str| &intent.inventory.devices[&device(name)];
    let via = |name: &str| of(name).via.iter().map(|host| host.name.as_str()).collect::<Vec<_>>();
    assert_eq!((via("r1"), via("r2"), via("r3")), (vec!["edge", "core"], vec!["core"], vec![]));
    assert_eq!((of("r1").port, of("r3").port), (23, 22));
    let connection = &of("r1").connection;
    assert_eq!(connection.keepalive.map(|time| time.to_string()).as_deref(), Some("0s"));
    assert_eq!(connection.command_timeout.map(|time| time.to_string()).as_deref(), Some("2m"));
    assert_eq!(connection.legacy_algorithms, Some(true));
    let (edge, core) = (&of("r1").via[0], &of("r1").via[1]);
    assert_eq!((edge.port, edge.legacy_algorithms, &edge.host_key), (22, true, &HostKeyPolicy::AcceptNew));
    assert!(edge.credentials.as_ref().is_some_and(|it| it.passphrase.is_some() && it.certificate.is_some()));
    assert!(matches!(&core.host_key, HostKeyPolicy::Authority(key) if key.starts_with("SHA256:AAAA")));
    let agent = core.credentials.as_ref().and_then(|it| it.agent.clone()).expect("an agent");
    assert!(agent.socket.is_none() && agent.fingerprint.is_some());
    assert_eq!((of("r1").logins.per_site.map(u32::from), u32::from(of("r1").logins.per_device)), (Some(8), 1));
}

#[test]
fn connections_that_cannot_work_are_found() {
    let (_, findings) = load(&[
        (
            "reconverge.yaml",
            "credentials:\n  default: {user: o, passphrase: secret://env/P, agent: agent.sock, agent_key: x}\n  \
             plain: {user: o, key: secret://file/k, passphrase: hunter2, answers: [{question: '(', answer: secret://env/C}]}\n\
             jump_hosts:\n  edge: {address: '-oProxyCommand', port: 0, credentials: nobody, host_key: none}\n",
        ),
        (
            "inventory/devices.yaml",
            "r1: {platform: frr, address: a, via: [egde]}\n\
             r2: {platform: frr, address: b, via: [edge, edge]}\n\
             r3: {platform: frr, address: c, connection: {transport: telnet, keepalive_count: 0, login_timeout: 1h}}\n",
        ),
    ]);
    let expected = [
        "inventory/devices.yaml:1:38: error: r1: the jump host \"egde\" is not under jump_hosts in reconverge.yaml (did you \
         mean \"edge\"?)",
        "inventory/devices.yaml:2:38: error: r2: the jump host \"edge\" is there twice",
        "inventory/devices.yaml:3:45: error: r3: keepalive_count is between 1 and 100 (`keepalive: 0s` turns keepalives off)",
        "inventory/devices.yaml:3:45: error: r3: login_timeout is between 1s and 10m",
        "inventory/devices.yaml:3:45: warning: r3: the device r3 is reached by Telnet, which sends its password in clear (use \
         SSH, or a jump host beside the device)",
        "reconverge.yaml:2:34: error: the passphrase of the credentials \"default\" belongs to no key (add key: with a \
         reference to the private key)",
        "reconverge.yaml:2:57: error: the agent of the credentials \"default\" is not a socket (write env, or the whole path \
         of its socket)",
        "reconverge.yaml:2:80: error: the agent_key of the credentials \"default\" is no fingerprint (write SHA256: and 43 \
         characters as ssh-add -l prints it)",
        "reconverge.yaml:3:54: error: the passphrase of the credentials \"plain\" is a secret in plain text (write \
         secret://env/NAME or secret://file/PATH#KEY, and change the secret if it was ever pushed)",
        "reconverge.yaml:3:72: error: \"(\" is not a regular expression",
        "reconverge.yaml:5:19: error: \"-oProxyCommand\" is not an address or a host name",
        "reconverge.yaml:5:43: error: the port 0 cannot be reached",
        "reconverge.yaml:5:59: error: the credentials \"nobody\" of the jump host \"edge\" are not there (known are default, plain)",
        "reconverge.yaml:5:77: error: \"none\" is not a fingerprint of a host key (write SHA256: and 43 characters as \
         ssh-keygen -lf prints it, accept_new, or ask)",
    ];
    assert_eq!(findings, expected);
}
