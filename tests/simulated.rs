//! The simulated devices behave as the real thing: dialogs over real SSH, transactions, faults, BGP and reachability.

use std::sync::Arc;
use std::time::Duration;

use reconverge::adapters::device::simulated::{
    DeviceSpec, Fault, NetworkOptions, SimulatedDevice, SimulatedNetwork, SimulationError,
};
use reconverge::domain::secret::Secret;
use russh::client::{self, Msg};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};

const PATIENCE: Duration = Duration::from_secs(20);

struct Client {
    fingerprint: Arc<std::sync::Mutex<String>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        if let PublicKeyOrCertificate::PublicKey { key, .. } = key {
            *self.fingerprint.lock().unwrap() = key.fingerprint(HashAlg::Sha256).to_string();
        }
        Ok(true)
    }
}

async fn connect(device: &SimulatedDevice) -> Result<(client::Handle<Client>, String), russh::Error> {
    let fingerprint = Arc::new(std::sync::Mutex::new(String::new()));
    let client = Client { fingerprint: Arc::clone(&fingerprint) };
    let handle = client::connect(Arc::default(), (device.address(), device.port()), client).await?;
    let fingerprint = fingerprint.lock().unwrap().clone();
    Ok((handle, fingerprint))
}

async fn log_in(device: &SimulatedDevice) -> Result<client::Handle<Client>, russh::Error> {
    let (mut handle, _) = connect(device).await?;
    let password = device.spec().password.clone().unwrap();
    let result = handle.authenticate_password(&device.spec().user, password.expose()).await?;
    assert!(result.success(), "the password is right");
    Ok(handle)
}

/// A shell on a terminal, read up to a prompt.
struct Shell {
    _handle: client::Handle<Client>,
    channel: Channel<Msg>,
}

impl Shell {
    async fn open(device: &SimulatedDevice) -> Self {
        let handle = log_in(device).await.unwrap();
        let channel = handle.channel_open_session().await.unwrap();
        channel.request_pty(false, "vt100", 511, 24, 0, 0, &[]).await.unwrap();
        channel.request_shell(true).await.unwrap();
        Self { _handle: handle, channel }
    }

    /// Logs in, and leaves paging and the unprivileged mode behind.
    async fn ready(device: &SimulatedDevice) -> Self {
        let mut shell = Self::open(device).await;
        shell.until(">").await;
        shell.send("enable\n").await;
        shell.until("#").await;
        shell.ask("terminal length 0").await;
        shell
    }

    async fn send(&mut self, text: &str) {
        self.channel.data(text.as_bytes()).await.unwrap();
    }

    /// Everything up to and with a text that nothing follows; `Err` with what came if the connection ends.
    async fn read(&mut self, end: &str) -> Result<String, String> {
        let mut got = String::new();
        let reading = async {
            while !got.ends_with(end) {
                match self.channel.wait().await {
                    Some(ChannelMsg::Data { data }) => got.push_str(&String::from_utf8_lossy(&data)),
                    Some(ChannelMsg::Eof | ChannelMsg::Close) | None => return false,
                    Some(_) => {}
                }
            }
            true
        };
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(true) => Ok(got),
            Ok(false) => Err(got),
            Err(_) => panic!("no {end:?} came, only {got:?}"),
        }
    }

    async fn until(&mut self, end: &str) -> String {
        self.read(end).await.unwrap_or_else(|got| panic!("the connection ended instead of {end:?} after {got:?}"))
    }

    /// Types a line; returns the output without echo and prompt.
    async fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\n")).await;
        let got = self.until("#").await;
        let got = got
            .strip_prefix(&format!("{}\r\n", line.replace('\u{16}', "")))
            .unwrap_or_else(|| panic!("{line:?} is not echoed: {got:?}"));
        let end = got.rfind('\n').map_or(0, |at| at + 1);
        got[..end].replace("\r\n", "\n")
    }

    async fn ask_all(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.ask(line).await, "", "{line}");
        }
    }

    /// The prompt.
    async fn prompt(&mut self) -> String {
        self.send("\n").await;
        self.until("#").await.trim_start().to_owned()
    }
}

fn network_of(specs: Vec<DeviceSpec>) -> impl Future<Output = SimulatedNetwork> {
    let options = NetworkOptions { seed: Some("test".to_owned()), ..NetworkOptions::default() };
    async { SimulatedNetwork::start(specs, options).await.unwrap() }
}

async fn one(config: &str) -> SimulatedNetwork {
    network_of(vec![DeviceSpec::arista_eos("leaf1").config(format!("hostname leaf1\n{config}"))]).await
}

fn leaf(network: &SimulatedNetwork) -> &SimulatedDevice {
    network.device("leaf1").unwrap()
}

fn faults(yaml: &str) -> Vec<Fault> {
    Fault::script(yaml).unwrap()
}

#[tokio::test]
async fn keys_and_passwords_decide_about_logins() {
    let key = PrivateKey::from(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]));
    let other = PrivateKey::from(russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[8; 32]));
    let mut spec = DeviceSpec::arista_eos("leaf1");
    spec.authorized_keys = vec![key.public_key().to_openssh().unwrap()];
    let network = network_of(vec![spec.clone()]).await;
    let again = network_of(vec![spec]).await;
    let device = leaf(&network);
    assert_eq!(device.host_key(), leaf(&again).host_key(), "a seed makes the same host key");
    let (mut handle, fingerprint) = connect(device).await.unwrap();
    assert_eq!(fingerprint, device.host_key());
    assert!(!handle.authenticate_password("admin", "wrong").await.unwrap().success());
    assert!(!handle.authenticate_password("nobody", "admin").await.unwrap().success());
    let with = |key: PrivateKey| PrivateKeyWithHashAlg::new(Arc::new(key), None);
    assert!(!handle.authenticate_publickey("admin", with(other)).await.unwrap().success());
    assert!(handle.authenticate_publickey("admin", with(key)).await.unwrap().success());
    let (mut handle, _) = connect(device).await.unwrap();
    let asked = handle.authenticate_keyboard_interactive_start("admin", None).await.unwrap();
    assert!(matches!(asked, client::KeyboardInteractiveAuthResponse::InfoRequest { .. }));
    let answer = handle.authenticate_keyboard_interactive_respond(vec!["admin".to_owned()]).await.unwrap();
    assert!(matches!(answer, client::KeyboardInteractiveAuthResponse::Success));
}

#[tokio::test]
async fn commands_run_without_a_terminal() {
    let network = one("").await;
    let handle = log_in(leaf(&network)).await.unwrap();
    let run = async |command: &str| {
        let mut channel = handle.channel_open_session().await.unwrap();
        channel.exec(true, command).await.unwrap();
        let (mut output, mut status) = (String::new(), None);
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => output.push_str(&String::from_utf8_lossy(&data)),
                ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
                _ => {}
            }
        }
        (output, status)
    };
    let (output, status) = run("show hostname").await;
    assert_eq!((output.as_str(), status), ("Hostname: leaf1\nFQDN:     leaf1\n", Some(0)));
    let (output, status) = run("show running-config").await;
    assert_eq!((output.as_str(), status), ("% Invalid input (privileged mode required)\n", Some(1)));
    let (output, _) = run("enable\nshow running-config").await;
    assert!(
        output.starts_with("! Command: show running-config\n! device: leaf1 (vEOS-lab, EOS-4.32.0F)\n!\n"),
        "{output}"
    );
    assert!(output.ends_with("!\nend\n"), "{output}");
}

#[tokio::test]
async fn prompts_follow_the_mode() {
    let mut spec = DeviceSpec::arista_eos("leaf1");
    spec.enable_password = Some(Secret::new("very-secret"));
    let network = network_of(vec![spec]).await;
    let mut shell = Shell::open(leaf(&network)).await;
    assert!(shell.until("leaf1>").await.starts_with("Last login: "));
    shell.send("configure terminal\n").await;
    assert_eq!(shell.until(">").await, "configure terminal\r\n% Invalid input (privileged mode required)\r\nleaf1>");
    shell.send("enable\n").await;
    assert_eq!(shell.until("Password: ").await, "enable\r\nPassword: ");
    shell.send("wrong\n").await;
    assert_eq!(shell.until(">").await, "\r\n% Bad secret\r\nleaf1>");
    shell.send("en\n").await;
    shell.until("Password: ").await;
    shell.send("very-secret\n").await;
    assert_eq!(shell.until("#").await, "\r\nleaf1#");
    assert_eq!(shell.ask("terminal length 0").await, "Pagination disabled.\n");
    assert_eq!(shell.ask("terminal width 32767").await, "Width set to 32767 columns.\n");
    let steps = [
        ("configure terminal", "leaf1(config)#"),
        ("interface et1", "leaf1(config-if-Et1)#"),
        ("router bgp 65001", "leaf1(config-router-bgp)#"),
        ("vrf RED", "leaf1(config-router-bgp-vrf-RED)#"),
        ("address-family ipv4", "leaf1(config-router-bgp-vrf-RED-af)#"),
        ("exit", "leaf1(config-router-bgp-vrf-RED)#"),
        ("route-map OUT permit 10", "leaf1(config-route-map-OUT)#"),
        ("end", "leaf1#"),
        ("configure session abcdefgh", "leaf1(config-s-abcdef)#"),
        ("interface Ethernet1", "leaf1(config-s-abcdef-if-Et1)#"),
        ("hostname leaf9", "leaf1(config-s-abcdef)#"),
        ("commit", "leaf9#"),
        ("disable", "leaf9>"),
    ];
    for (line, prompt) in steps {
        shell.send(&format!("{line}\n")).await;
        assert_eq!(shell.until(&prompt[prompt.len() - 1..]).await, format!("{line}\r\n{prompt}"));
    }
    shell.send("exit\n").await;
    assert_eq!(shell.read("nothing").await, Err("exit\r\n".to_owned()));
}

#[tokio::test]
async fn errors_are_those_of_the_platform() {
    let network = one("router bgp 65001\n").await;
    let mut shell = Shell::ready(leaf(&network)).await;
    assert_eq!(shell.ask("end").await, "% Invalid input\n");
    shell.ask_all(&["configure terminal", "! a comment", ""]).await;
    for (line, error) in [
        ("frobnicate", "% Invalid input"),
        ("interface", "% Incomplete command"),
        ("no", "% Incomplete command"),
        ("interface Ethernet99", "% Invalid input"),
        ("router bgp 65002", "% BGP is already running with AS number 65001"),
        ("no router bgp 65002", "% BGP is already running with AS number 65001"),
        ("sp mode mstp x", "% Invalid input"),
        ("s x", "% Ambiguous command"),
        ("commit", "% Invalid input"),
        ("vlan 5000", "% Invalid input"),
    ] {
        assert_eq!(shell.ask(line).await, format!("{error}\n"), "{line}");
    }
    shell.ask_all(&["interface Ethernet1"]).await;
    assert_eq!(shell.ask("mtu 1").await, "% Invalid input\n");
    assert_eq!(shell.ask("ip address").await, "% Incomplete command\n");
    assert_eq!(shell.ask("show hostname | include Host").await, "Hostname: leaf1\n");
    let refused: Vec<_> = leaf(&network).transcript().into_iter().filter(|line| !line.accepted).collect();
    assert_eq!(refused.len(), 12);
    assert_eq!(refused[11].mode.as_deref(), Some("config-if-Et1"));
}

#[tokio::test]
async fn a_session_changes_nothing_until_its_commit() {
    let network = one("").await;
    let device = leaf(&network);
    let before = device.running();
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session change-1", "interface Ethernet1", "description up", "mtu 9000"]).await;
    let diff = shell.ask("show session-config diffs").await;
    assert!(diff.starts_with("--- system:/running-config\n+++ session:/change-1-session-config\n@@ "), "{diff}");
    assert!(diff.contains(" interface Ethernet1\n+   description up\n+   mtu 9000\n !\n"), "{diff}");
    assert_eq!(device.running(), before);
    shell.ask_all(&["end"]).await;
    assert!(shell.ask("show configuration sessions").await.contains("\n  change-1 pending\n"));
    let named = shell.ask("show session-config named change-1").await;
    assert!(named.contains("interface Ethernet1\n   description up\n   mtu 9000\n"), "{named}");
    shell.ask_all(&["configure session change-1 commit"]).await;
    assert!(device.running().contains("interface Ethernet1\n   description up\n   mtu 9000\n"));
    assert!(!device.startup().contains("description up"), "a commit is not saved");
    assert_eq!(shell.ask("write memory").await, "Copy completed successfully.\n");
    assert!(device.startup().contains("description up"));
    assert!(shell.ask("configure session change-1 commit").await.starts_with("% Cannot commit"));
    assert!(shell.ask("configure session other commit").await.starts_with("% Cannot commit"));
    shell.ask_all(&["configure session change-2", "no interface Ethernet1", "abort"]).await;
    assert_eq!(shell.prompt().await, "leaf1#");
    assert!(!shell.ask("show configuration sessions detail").await.contains("change-2"));
    assert!(device.running().contains("description up"));
}

#[tokio::test]
async fn replace_starts_from_what_the_factory_made() {
    let network = one("interface Loopback0\n   ip address 10.0.0.1/32\nip routing\n").await;
    let device = leaf(&network);
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session replace", "rollback clean-config", "hostname leaf2", "commit"]).await;
    let running = device.running();
    let clean = "! boot system flash:/vEOS-lab.swi\n!\ntransceiver qsfp default-mode 4x10G\n!\nhostname leaf2\n!\n\
                 spanning-tree mode mstp\n!\nno aaa root\n!\ninterface Ethernet1\n!\ninterface Ethernet2\n!\n\
                 interface Ethernet3\n!\ninterface Ethernet4\n!\ninterface Management1\n!\nno ip routing\n!\nend\n";
    assert!(running.ends_with(clean), "{running}");
}

#[tokio::test]
async fn at_most_five_sessions_are_pending() {
    let network = one("").await;
    let mut shell = Shell::ready(leaf(&network)).await;
    for at in 0..5 {
        shell.ask_all(&[&format!("configure session s{at}"), "end"]).await;
    }
    assert!(
        shell.ask("configure session s5").await.starts_with("% Maximum number of pending sessions has been reached")
    );
    shell.ask_all(&["no configure session s0", "configure session s5"]).await;
}

#[tokio::test]
async fn an_unconfirmed_commit_comes_back_by_itself() {
    let network = one("").await;
    let device = leaf(&network);
    let before = device.running();
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session timed", "hostname other", "commit timer 00:00:01"]).await;
    assert!(device.running().contains("hostname other\n"));
    drop(shell);
    let mut shell = Shell::ready(device).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while device.timed_commit().is_some() {
        assert!(tokio::time::Instant::now() < deadline, "the timer never fired");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(device.running(), before);
    assert_eq!(shell.prompt().await, "leaf1#");
}

#[tokio::test]
async fn a_timed_commit_is_confirmed_or_aborted_from_a_fresh_session() {
    let network = one("").await;
    let device = leaf(&network);
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session one", "hostname one", "commit timer 01:00:00"]).await;
    let mut fresh = Shell::ready(device).await;
    let detail = fresh.ask("show configuration sessions detail").await;
    assert!(
        detail.contains("Session with pending commit timer: one\nTime left until commit timer expiry: in 0:59:5"),
        "{detail}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&fresh.ask("show configuration sessions detail | json").await).unwrap();
    assert_eq!(json["commitTimerSessionName"], "one");
    fresh.ask_all(&["configure session two", "hostname two"]).await;
    let refused = fresh.ask("commit").await;
    assert!(refused.starts_with("% Cannot commit session two") && refused.contains("session one"), "{refused}");
    fresh.ask_all(&["abort", "configure session one commit"]).await;
    assert_eq!(device.timed_commit(), None);
    assert!(device.running().contains("hostname one\n"));

    fresh.ask_all(&["configure session three", "hostname three"]).await;
    assert_eq!(fresh.ask("commit timer 0:61:00").await, "% Invalid input\n");
    fresh.ask_all(&["commit timer 01:00:00", "configure session three abort"]).await;
    assert_eq!(device.timed_commit(), None);
    assert!(device.running().contains("hostname one\n"), "an abort brings the configuration back at once");
}

#[tokio::test]
async fn long_output_stops_for_a_key() {
    let network = one("").await;
    let mut shell = Shell::open(leaf(&network)).await;
    shell.until(">").await;
    shell.send("enable\nshow running-config\n").await;
    let page = shell.until(" --More-- ").await;
    assert_eq!(page.matches('\n').count(), 25, "two commands and a page: {page}");
    shell.send("q").await;
    shell.until("leaf1#").await;
}

#[tokio::test]
async fn a_question_mark_is_a_key() {
    let network = one("").await;
    let mut shell = Shell::ready(leaf(&network)).await;
    shell.ask_all(&["configure terminal", "interface Ethernet1"]).await;
    shell.ask_all(&["description why\u{16}?"]).await;
    assert!(leaf(&network).running().contains("   description why?\n"), "Ctrl-V takes the next key literally");
    shell.send("description why?\n").await;
    let mut got = String::new();
    while got.matches("(config-if-Et1)#").count() < 2 {
        got += &shell.until("#").await;
    }
    assert!(
        got.contains("description why?\r\n% Unrecognized command\r\nleaf1(config-if-Et1)#description why"),
        "{got}"
    );
    assert!(leaf(&network).running().contains("   description why\n"));
}

#[tokio::test]
async fn pasted_text_is_loaded_at_once() {
    let network = one("").await;
    let device = leaf(&network);
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session paste"]).await;
    shell.send("copy terminal: session-config\n").await;
    shell.send("interface Ethernet1\n   description a\nbogus\nbanner motd\nhello?\nEOF\nend\n\x04").await;
    let got = shell.until("#").await;
    assert!(got.contains("> bogus\r\n% Invalid input at line 3\r\nCopy completed successfully.\r\n"), "{got}");
    shell.ask_all(&["commit"]).await;
    let running = device.running();
    assert!(running.contains("interface Ethernet1\n   description a\n"), "{running}");
    assert!(running.contains("!\nbanner motd\nhello?\nEOF\n!\nend\n"), "{running}");
}

/// Configuration as a person types it.
const TYPED: &str = "router bgp 65001
neighbor 10.1.10.2 remote-as 65010
neighbor 10.1.2.2 description two
neighbor 10.1.2.2 remote-as 65002
neighbor 10.1.2.2 route-map OUT out
neighbor SPINES peer group
neighbor 10.1.2.2 password s3cret
network 10.9.0.1/24
router-id 10.0.0.1
vrf RED
router-id 10.0.0.2
exit
address-family evpn
neighbor SPINES activate
interface vlan10
ip address 10.10.0.1 255.255.255.0
interface ethernet 2
no switchport
ip address 10.1.2.1/30
description to spine
int lo0
ip add 10.0.0.1/32
vlan 10
name USERS
ip prefix-list MINE seq 20 permit 10.9.0.0/24
ip prefix-list MINE seq 10 deny 10.8.0.0/16 le 24
route-map OUT permit 20
route-map OUT permit 10
match ip address prefix-list MINE
ip access-list EDGE
permit ip any any
5 remark first
ntp server 10.0.0.250
ip route 0.0.0.0/0 10.1.2.2
ip routing
username op privilege 15 secret 0 pw
management api http-commands
no shutdown
banner motd
  keep  out
EOF
";

/// How the device prints it.
const PRINTED: &str = "!
! boot system flash:/vEOS-lab.swi
!
transceiver qsfp default-mode 4x10G
!
hostname leaf1
!
ntp server 10.0.0.250
!
spanning-tree mode mstp
!
no aaa root
!
username op privilege 15 secret sha512 $6$HASH
!
vlan 10
   name USERS
!
interface Ethernet1
!
interface Ethernet2
   description to spine
   no switchport
   ip address 10.1.2.1/30
!
interface Ethernet3
!
interface Ethernet4
!
interface Loopback0
   ip address 10.0.0.1/32
!
interface Management1
!
interface Vlan10
   ip address 10.10.0.1/24
!
ip access-list EDGE
   5 remark first
   10 permit ip any any
!
ip routing
!
ip prefix-list MINE
   seq 10 deny 10.8.0.0/16 le 24
   seq 20 permit 10.9.0.0/24
!
ip route 0.0.0.0/0 10.1.2.2
!
route-map OUT permit 10
   match ip address prefix-list MINE
!
route-map OUT permit 20
!
router bgp 65001
   router-id 10.0.0.1
   neighbor SPINES peer group
   neighbor 10.1.2.2 remote-as 65002
   neighbor 10.1.2.2 description two
   neighbor 10.1.2.2 route-map OUT out
   neighbor 10.1.2.2 password 7 HASH
   neighbor 10.1.10.2 remote-as 65010
   network 10.9.0.0/24
   !
   address-family evpn
      neighbor SPINES activate
   !
   vrf RED
      router-id 10.0.0.2
!
banner motd
  keep  out
EOF
!
management api http-commands
   no shutdown
!
end
";

#[tokio::test]
async fn what_is_typed_is_printed_in_canonical_order() {
    let network = one("").await;
    let device = leaf(&network);
    device.type_lines(TYPED.lines()).unwrap();
    let running = device.running();
    let hashed = regex::Regex::new(r"(\$6\$|password 7 )\S+").unwrap();
    let printed = hashed.replace_all(&running, "${1}HASH");
    let printed = printed.split_once("EOS-4.32.0F)\n").unwrap().1;
    assert_eq!(printed, PRINTED);

    // What is printed can be typed again, and means the same.
    let again = network_of(vec![DeviceSpec::arista_eos("leaf1").config(running.clone())]).await;
    assert_eq!(leaf(&again).running(), running);
}

/// A configuration with something of everything that can be removed.
const FULL: &str = "interface Ethernet1
   description a
   no switchport
   ip address 10.0.0.1/30
   ip address 10.0.1.1/24 secondary
interface Ethernet2
   switchport trunk allowed vlan 10-12,20
interface Loopback0
   ip address 10.0.0.9/32
ip prefix-list P seq 10 permit 10.0.0.0/8
ip prefix-list P seq 20 permit 11.0.0.0/8
ip access-list A
   10 permit ip any any
   20 deny ip any any
route-map R permit 10
route-map R permit 20
ip route 10.5.0.0/16 10.0.0.2
ip route 10.5.0.0/16 Null0
router bgp 65001
   neighbor 10.0.0.2 remote-as 65002
   neighbor 10.0.0.2 description x
   neighbor 10.0.0.2 route-map R in
   neighbor 10.0.0.20 remote-as 65003
   address-family ipv4
      no neighbor 10.0.0.20 activate
";

#[tokio::test]
async fn negation_removes_what_it_names() {
    let network = one(FULL).await;
    let device = leaf(&network);
    let types = |lines: &[&str]| {
        let before: Vec<String> = device.running().lines().map(str::to_owned).collect();
        device.type_lines(lines.iter().copied()).unwrap();
        let after: Vec<String> = device.running().lines().map(str::to_owned).collect();
        let gone =
            before.iter().filter(|line| *line != "!" && !after.contains(line)).map(|line| line.trim().to_owned());
        let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{}", line.trim()));
        gone.chain(new).collect::<Vec<_>>()
    };
    assert_eq!(types(&["interface Ethernet1", "no description"]), ["description a"]);
    assert_eq!(types(&["interface Ethernet1", "no ip address 10.0.0.2/30"]), [""; 0]);
    assert_eq!(
        types(&["interface Ethernet1", "no ip address"]),
        ["ip address 10.0.0.1/30", "ip address 10.0.1.1/24 secondary"]
    );
    assert_eq!(types(&["interface Ethernet1", "default switchport"]), ["no switchport"]);
    assert_eq!(
        types(&["interface Ethernet2", "switchport trunk allowed vlan remove 11,20"]),
        ["switchport trunk allowed vlan 10-12,20", "+switchport trunk allowed vlan 10,12"]
    );
    assert_eq!(types(&["no interface Ethernet2"]), ["switchport trunk allowed vlan 10,12"], "the port itself stays");
    assert_eq!(types(&["no interface Loopback0"]), ["interface Loopback0", "ip address 10.0.0.9/32"]);
    assert_eq!(types(&["no ip prefix-list P seq 10"]), ["seq 10 permit 10.0.0.0/8"]);
    assert_eq!(types(&["no ip prefix-list P"]), ["ip prefix-list P", "seq 20 permit 11.0.0.0/8"]);
    assert_eq!(
        types(&["ip access-list A", "no 10", "no deny ip any any"]),
        ["10 permit ip any any", "20 deny ip any any"]
    );
    assert_eq!(types(&["route-map R deny 20"]), ["route-map R permit 20", "+route-map R deny 20"]);
    assert_eq!(types(&["no route-map R"]), ["route-map R permit 10", "route-map R deny 20"]);
    assert_eq!(types(&["no ip route 10.5.0.0/16 Null0"]), ["ip route 10.5.0.0/16 Null0"]);
    assert_eq!(
        types(&["router bgp 65001", "no neighbor 10.0.0.2 route-map R in"]),
        ["neighbor 10.0.0.2 route-map R in"]
    );
    assert_eq!(
        types(&["router bgp 65001", "no neighbor 10.0.0.2"]),
        ["neighbor 10.0.0.2 remote-as 65002", "neighbor 10.0.0.2 description x"]
    );
    assert_eq!(types(&["ip routing"]), ["no ip routing", "+ip routing"]);
    assert_eq!(types(&["no ip routing"]), ["ip routing", "+no ip routing"]);
    let duplicate = device.type_lines(["ip access-list A", "10 permit ip any any", "10 deny ip any any"]);
    assert_eq!(duplicate.unwrap_err().answer, "% Duplicate sequence number");
    assert!(types(&["no router bgp"]).contains(&"router bgp 65001".to_owned()));
}

/// r1 – r2 – r3 in a row, each with a loopback that BGP announces.
fn row() -> Vec<DeviceSpec> {
    let config = |at: u32, links: &[(&str, &str, u32)]| {
        let mut text = format!("hostname r{at}\nip routing\ninterface Loopback0\n   ip address 10.0.{at}.1/24\n");
        let mut bgp = format!("router bgp 6500{at}\n   router-id 10.0.{at}.1\n   network 10.0.{at}.0/24\n");
        for (port, (own, peer, asn)) in links.iter().enumerate() {
            text.push_str(&format!("interface Ethernet{}\n   no switchport\n   ip address {own}/30\n", port + 1));
            bgp.push_str(&format!("   neighbor {peer} remote-as {asn}\n   neighbor {peer} description to {asn}\n"));
        }
        DeviceSpec::arista_eos(format!("r{at}")).config(text + &bgp)
    };
    vec![
        config(1, &[("10.12.0.1", "10.12.0.2", 65002)]),
        config(2, &[("10.12.0.2", "10.12.0.1", 65001), ("10.23.0.1", "10.23.0.2", 65003)]),
        config(3, &[("10.23.0.2", "10.23.0.1", 65002)]),
    ]
}

fn reaches(device: &SimulatedDevice) -> bool {
    let output = device.console("ping 10.0.3.1 source 10.0.1.1");
    assert!(
        output.contains(" 0% packet loss") ^ output.contains("100% packet loss") ^ output.contains("unreachable"),
        "{output}"
    );
    output.contains(" 0% packet loss")
}

#[tokio::test]
async fn bgp_depends_on_both_sides() {
    let network = network_of(row()).await;
    let (r1, r2, r3) = (network.device("r1").unwrap(), network.device("r2").unwrap(), network.device("r3").unwrap());
    let summary = r2.console("show ip bgp summary");
    assert!(summary.contains("Router identifier 10.0.2.1, local AS number 65002\n"), "{summary}");
    assert_eq!(summary.matches(" Estab   1      1\n").count(), 2, "{summary}");
    assert!(reaches(r1));
    assert!(r1.console("show ip route 10.0.3.1").contains("B E      10.0.3.0/24 [200/0] via 10.12.0.2\n"));

    let breaks: [(&SimulatedDevice, &[&str], &[&str]); 6] = [
        (
            r3,
            &["router bgp 65003", "neighbor 10.23.0.1 remote-as 65099"],
            &["router bgp 65003", "neighbor 10.23.0.1 remote-as 65002"],
        ),
        (r2, &["interface Ethernet2", "shutdown"], &["interface Ethernet2", "no shutdown"]),
        (r3, &["router bgp 65003", "no network 10.0.3.0/24"], &["router bgp 65003", "network 10.0.3.0/24"]),
        (r2, &["no ip routing"], &["ip routing"]),
        (
            r2,
            &["router bgp 65002", "neighbor 10.12.0.1 shutdown"],
            &["router bgp 65002", "no neighbor 10.12.0.1 shutdown"],
        ),
        (
            r2,
            &[
                "ip prefix-list L seq 10 permit 10.0.2.0/24",
                "route-map OUT permit 10",
                "match ip address prefix-list L",
                "router bgp 65002",
                "neighbor 10.12.0.1 route-map OUT out",
            ],
            &["ip prefix-list L seq 20 permit 10.0.0.0/16 le 24"],
        ),
    ];
    for (device, wrong, right) in breaks {
        device.type_lines(wrong.iter().copied()).unwrap();
        assert!(!reaches(r1), "{wrong:?}");
        device.type_lines(right.iter().copied()).unwrap();
        assert!(reaches(r1), "{right:?}");
    }
    r3.type_lines(["router bgp 65003", "neighbor 10.23.0.1 remote-as 65099"]).unwrap();
    let broken = r2.console("show ip bgp summary");
    assert!(regex::Regex::new(r"10\.23\.0\.2 +4 65003 .* Active\n").unwrap().is_match(&broken), "{broken}");
    assert!(broken.contains("Estab"), "{broken}");
}

#[tokio::test]
async fn inner_bgp_needs_a_way_to_the_loopbacks() {
    let spec = |at: u32, other: u32| {
        let config = format!(
            "hostname r{at}\nip routing\ninterface Loopback0\n   ip address 10.0.{at}.1/32\ninterface Ethernet1\n   \
             no switchport\n   ip address 10.12.0.{at}/30\nrouter ospf 1\n   network 10.0.0.0/8 area 0.0.0.0\n\
             router bgp 65000\n   neighbor RR peer group\n   neighbor RR remote-as 65000\n   \
             neighbor RR update-source Loopback0\n   neighbor 10.0.{other}.1 peer group RR\n"
        );
        DeviceSpec::arista_eos(format!("r{at}")).config(config)
    };
    let network = network_of(vec![spec(1, 2), spec(2, 1)]).await;
    let r1 = network.device("r1").unwrap();
    assert!(r1.console("show ip bgp summary").contains("Estab"), "{}", r1.console("show ip bgp summary"));
    r1.type_lines(["no router ospf 1"]).unwrap();
    assert!(r1.console("show ip bgp summary").contains(" Idle\n"), "{}", r1.console("show ip bgp summary"));
}

#[tokio::test]
async fn connections_break_as_scripted() {
    let network = one("").await;
    let device = leaf(&network);
    device.set_faults(&faults("- {fault: drop, after_commands: 3}")).unwrap();
    let mut shell = Shell::ready(device).await;
    shell.ask("show version").await;
    shell.send("show hostname\n").await;
    assert!(!shell.read("#").await.unwrap_err().contains("Hostname"));

    device.set_faults(&faults("- {fault: drop_after_commit}")).unwrap();
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session s", "hostname changed"]).await;
    shell.send("commit timer 01:00:00\n").await;
    shell.read("#").await.unwrap_err();
    assert!(device.running().contains("hostname changed\n"), "the commit took effect");
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session s commit"]).await;

    device.set_faults(&faults("- {fault: drop_before, pattern: ^write, times: 1}")).unwrap();
    shell.send("write memory\n").await;
    shell.read("#").await.unwrap_err();
    assert!(!device.startup().contains("hostname changed"), "the line was not executed");
    let mut shell = Shell::ready(device).await;
    shell.ask("write memory").await;
    assert!(device.startup().contains("hostname changed"));
}

#[tokio::test]
async fn ports_close_and_open_as_scripted() {
    let network = one("").await;
    let device = leaf(&network);
    device.set_faults(&[Fault::RefuseConnections]).unwrap();
    assert!(log_in(device).await.is_err());
    device.set_faults(&[]).unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while log_in(device).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the port never opened again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn answers_are_wrong_as_scripted() {
    let network = one("").await;
    let device = leaf(&network);
    let mut shell = Shell::ready(device).await;
    device.set_faults(&faults("- {fault: reject, pattern: ^hostname, text: '% Error: no'}")).unwrap();
    shell.ask_all(&["configure session s"]).await;
    assert_eq!(shell.ask("hostname x").await, "% Error: no\n");
    device.set_faults(&faults("- {fault: lie_about_commit}")).unwrap();
    shell.ask_all(&["hostname x", "commit"]).await;
    assert!(device.running().contains("hostname leaf1\n"), "nothing changed");
    device.set_faults(&faults("- {fault: lie_about_commit, instead: [hostname evil]}")).unwrap();
    shell.ask_all(&["configure session t", "hostname x", "commit"]).await;
    assert!(device.running().contains("hostname evil\n"), "something else changed");
    device.set_faults(&faults("- {fault: lie_about_confirm}")).unwrap();
    shell.ask_all(&["configure session u", "hostname y", "commit timer 01:00:00", "configure session u commit"]).await;
    assert!(device.timed_commit().is_some(), "the timer still runs");
    device
        .set_faults(&faults(
            "- {fault: change_prompt, text: '{prompt} [busy]'}\n- {fault: garbage, text: \"\\xff\\0~\"}",
        ))
        .unwrap();
    shell.send("show hostname\n").await;
    let got = shell.until("[busy]").await;
    assert!(got.contains("\u{fffd}\0~Hostname: y\r\n") && got.ends_with("\r\ny# [busy]"), "{got:?}");
    device.set_faults(&faults("- {fault: late, ms: 300, pattern: ^show}")).unwrap();
    let begin = std::time::Instant::now();
    shell.ask("show hostname").await;
    assert!(begin.elapsed() >= Duration::from_millis(300));
    device.set_faults(&faults("- {fault: hang, pattern: ^write}")).unwrap();
    shell.send("write\n").await;
    let silence = tokio::time::timeout(Duration::from_millis(300), shell.read("#")).await;
    assert!(silence.is_err(), "{silence:?}");
    assert!(device.startup().contains("hostname y\n"), "the command was executed");
}

#[tokio::test]
async fn a_configuration_may_be_huge() {
    const BYTES: usize = 30 << 20;
    let network = one("").await;
    let device = leaf(&network);
    device.set_faults(&[Fault::PadRunningConfig { bytes: BYTES }]).unwrap();
    let mut shell = Shell::ready(device).await;
    shell.send("show running-config\n").await;
    let mut bytes = 0;
    let mut tail = String::new();
    while !tail.ends_with("end\r\nleaf1#") {
        let Some(ChannelMsg::Data { data }) = shell.channel.wait().await else { panic!("the connection ended") };
        bytes += data.len();
        tail.push_str(&String::from_utf8_lossy(&data));
        let keep = tail.len().saturating_sub(40);
        tail = tail.split_off(keep);
    }
    assert!(bytes > BYTES, "{bytes}");
}

#[tokio::test]
async fn dropping_the_network_stops_everything() {
    let network = one("").await;
    let (address, port) = (leaf(&network).address(), leaf(&network).port());
    let mut shell = Shell::ready(leaf(&network)).await;
    assert_eq!(leaf(&network).connections(), 1);
    network.stop();
    shell.read("never").await.unwrap_err();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::net::TcpStream::connect((address, port)).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "the port never closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn bad_specifications_are_refused() {
    let start = |specs| SimulatedNetwork::start(specs, NetworkOptions::default());
    let mut spec = DeviceSpec::arista_eos("a");
    spec.platform = "cp_m".to_owned();
    assert!(matches!(start(vec![spec]).await, Err(SimulationError::Platform { .. })));
    let wrong = DeviceSpec::arista_eos("a").config("hostname a\nfrobnicate\n");
    let Err(error) = start(vec![wrong]).await else { panic!("accepted") };
    assert_eq!(error.to_string(), "simulated device a: line \"frobnicate\": % Invalid input");
    let twice = vec![DeviceSpec::arista_eos("a"), DeviceSpec::arista_eos("a")];
    assert!(matches!(start(twice).await, Err(SimulationError::Twice { .. })));
}

#[tokio::test]
async fn what_is_typed_is_remembered() {
    let network = one("").await;
    let device = leaf(&network);
    device.type_lines(["interface Ethernet1", "description by hand"]).unwrap();
    let mut shell = Shell::ready(device).await;
    shell.ask_all(&["configure session s", "interface Ethernet1", "mtu 9000", "abort"]).await;
    let lines: Vec<_> = device.transcript().into_iter().map(|typed| (typed.user, typed.session, typed.line)).collect();
    let line =
        |user: &str, session: Option<&str>, line: &str| (user.to_owned(), session.map(str::to_owned), line.to_owned());
    let expected = [
        line("console", None, "interface Ethernet1"),
        line("console", None, "description by hand"),
        line("admin", Some("s"), "interface Ethernet1"),
        line("admin", Some("s"), "mtu 9000"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(device.commands().last().unwrap().line, "abort");
}

/// Words that configuration lines are made of, right or wrong.
const WORDS: &str = "no default interface Ethernet1 et2 lo0 Vlan10 router bgp ospf 1 65001 65002 neighbor 10.0.0.1 \
    remote-as description x y password secret 0 username op route-map permit deny 10 20 R in out match ip address \
    prefix-list P seq 10.0.0.0/8 10.1.2.3/24 255.255.255.0 le 24 access-list any vlan name switchport trunk allowed add \
    10,20-30 none mode access shutdown mtu 9000 vrf instance RED address-family activate network redistribute exit \
    management api protocol https ssh hostname h1 ntp server logging routing Null0 aaa root snmp-server c ? | ! é";

/// A line: most often one that is right somewhere, or its negation, sometimes any words.
fn any_line() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::{Strategy as _, prop_oneof};
    let right = || TYPED.lines().chain(FULL.lines()).map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    let right = || proptest::sample::select(right());
    let words = proptest::sample::select(WORDS.split_whitespace().collect::<Vec<_>>());
    let wrong = proptest::collection::vec(words, 1..7).prop_map(|words| words.join(" "));
    let negated = (proptest::sample::select(vec!["no", "default"]), right(), 1usize..6)
        .prop_map(|(no, line, words)| format!("{no} {}", line.split(' ').take(words).collect::<Vec<_>>().join(" ")));
    prop_oneof![3 => right(), 2 => negated, 1 => wrong]
}

/// Where lines are typed.
const SECTIONS: [&[&str]; 6] = [
    &[],
    &["interface Ethernet2"],
    &["router bgp 65001"],
    &["router bgp 65001", "address-family ipv4"],
    &["ip access-list A"],
    &["route-map OUT permit 10"],
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, failure_persistence: None, ..Default::default() })]

    /// Whatever is typed, the device lives on, and what it prints is a configuration that means itself.
    #[test]
    fn any_lines_leave_a_printable_configuration(
        lines in proptest::collection::vec((0usize..SECTIONS.len(), any_line()), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (typed, loaded, accepted) = runtime.block_on(async {
            let network = one("").await;
            let device = leaf(&network);
            for (section, line) in &lines {
                // Lines that are refused, too, must leave the device in order.
                let _ = device.type_lines(SECTIONS[*section].iter().copied().chain([line.as_str()]));
            }
            device.console("show ip bgp summary");
            let again = network_of(vec![DeviceSpec::arista_eos("leaf1").config(device.running())]).await;
            let accepted = device.transcript().iter().filter(|line| line.accepted).count();
            (device.running(), leaf(&again).running(), accepted)
        });
        proptest::prop_assert_eq!(typed, loaded);
        proptest::prop_assert!(lines.len() < 20 || accepted > lines.len() / 4, "only {} lines were accepted", accepted);
    }
}
