//! Masking: general knowledge of all vendors, texts of several lines, plans, and that structure stays.

use reconverge::domain::config::command::{Kind, Operation};
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::page::{DialectPage, Risk};
use reconverge::domain::platform::Platform;
use reconverge::domain::secret::MASK;

/// A page that knows nothing: only what all vendors share is at work.
fn general() -> Dialect {
    Dialect::new(DialectPage::default()).unwrap()
}

/// In each line `hunter2` is the secret and everything else is structure.
const LINES: &[&str] = &[
    r#"username bob password hunter2"#,
    r#"username bob secret 0 hunter2"#,
    r#" neighbor 10.0.0.1 password hunter2"#,
    r#"snmp-server community hunter2 RO 10"#,
    r#"snmp-server community hunter2"#,
    r#"snmp-server host 10.0.0.1 version 2c hunter2"#,
    r#"snmp-server host 10.0.0.1 hunter2"#,
    r#"snmp-server host 10.0.0.1 traps hunter2"#,
    r#"snmp-server user bob grp v3 auth sha hunter2 priv aes 128 hunter2"#,
    r#"snmp-server user bob grp v3 auth sha hunter2 priv hunter2"#,
    r#"tacacs-server host 10.0.0.1 key hunter2"#,
    r#"radius-server key hunter2"#,
    r#"crypto isakmp key hunter2 address 10.0.0.1"#,
    r#"crypto isakmp key 6 hunter2 address 10.0.0.1"#,
    "crypto ikev2 keyring K\n peer X\n  pre-shared-key local hunter2\n  pre-shared-key remote 6 hunter2",
    "crypto keyring K\n  pre-shared-key address 0.0.0.0 0.0.0.0 key hunter2",
    r#" ip ospf message-digest-key 1 md5 hunter2"#,
    r#" standby 1 authentication hunter2"#,
    r#" standby 1 authentication md5 key-string hunter2"#,
    r#" vrrp 1 authentication text hunter2"#,
    r#" ip nhrp authentication hunter2"#,
    r#" isis password hunter2 level-2"#,
    r#" area-password hunter2"#,
    r#" ppp chap password 0 hunter2"#,
    r#"ip ftp password hunter2"#,
    r#" wpa-psk ascii 0 hunter2"#,
    r#"set snmp community hunter2 authorization read-only"#,
    "snmp {\n    community hunter2 {\n        authorization read-only;\n    }\n}",
    r#"set system login user vyos authentication plaintext-password 'hunter2'"#,
    r#"set service snmp community hunter2 authorization 'ro'"#,
    r#"snmp-agent community read hunter2"#,
    r#"snmp-agent usm-user v3 bob group simple authentication-mode sha hunter2 privacy-mode aes128 hunter2"#,
    r#"snmp-agent target-host trap address udp-domain 10.0.0.1 params securityname hunter2 v2c"#,
    r#" ospf authentication-mode md5 1 plain hunter2"#,
    r#" set authentication password cipher hunter2"#,
    "config system snmp community\n    edit 1\n        set name \"hunter2\"\n        config hosts",
    "/snmp community\nset [ find default=yes ] addresses=::/0 name=hunter2",
    r#"/snmp community add name=hunter2"#,
    "/ppp secret\nadd name=bob password=hunter2 service=l2tp",
    "/radius\nadd address=10.0.0.1 secret=hunter2 service=login",
    r#"{"TACPLUS": {"global": {"passkey": "hunter2"}}}"#,
    r#"        "passkey": "hunter2","#,
    r#"snmpv3 user "bob" auth md5 "hunter2" priv "hunter2""#,
    r#"snmp-server community "hunter2" unrestricted"#,
    r#"password manager plaintext hunter2"#,
    r#"configure snmp add community readonly encrypted "hunter2""#,
    r#"configure snmp add community readonly hunter2"#,
    r#"configure snmpv3 add community "hunter2" name "hunter2" user "v1v2c_ro""#,
    r#"configure radius mgmt-access primary shared-secret encrypted "hunter2""#,
    r#"nv set service snmp-server readonly-community hunter2 access any"#,
    r#"nv set router bgp password hunter2"#,
    r#"rocommunity hunter2 10.0.0.0/8"#,
    r#"createUser bob SHA "hunter2" AES "hunter2""#,
    r#"set deviceconfig system snmp-setting access-setting version v2c snmp-community-string hunter2"#,
    r#"enable password hunter2 encrypted"#,
    "tunnel-group X ipsec-attributes\n ikev1 pre-shared-key hunter2\n ikev2 remote-authentication pre-shared-key hunter2",
    "aaa-server T (inside) host 10.0.0.1\n key hunter2",
    r#" ldap-login-password hunter2"#,
    r#"snmp-server host inside 10.0.0.1 community hunter2 version 2c"#,
    r#"snmp-server host 10.0.0.1 community 8 hunter2"#,
    r#"/configure router bgp group "x" authentication-key "hunter2" hash2"#,
    r#"set / system snmp community hunter2"#,
    r#"authentication-key "hunter2" hash2"#,
    r#"copy ftp://bob:hunter2@10.0.0.1/x flash:"#,
    r#"key config-key password-encrypt hunter2"#,
    r#"wpa passphrase hunter2"#,
    r#"PreSharedKey = hunter2"#,
    r#"password: hunter2"#,
    r#""password" : "hunter2""#,
    r#"snmp-server community-map hunter2 context X"#,
    "line vty 0 4\n password hunter2",
    r#"ip http client password 0 hunter2"#,
    "router ospf 1\n area 0 virtual-link 1.1.1.1 authentication-key hunter2",
    r#" mpls ldp neighbor 1.1.1.1 password hunter2"#,
    r#" bfd authentication keyed-sha1 1 key hunter2"#,
    "   authentication mode md5\n   neighbor PG password 7 hunter2",
    r#"login password hunter2"#,
    r#"super password level 3 cipher hunter2"#,
    r#"web-management password encrypted hunter2"#,
    r#"user "admin" password "hunter2""#,
    r#"username "bob" password hunter2 level 15 encrypted"#,
    r#"user-role X token hunter2"#,
];

/// Texts without any secret, full of words that announce one elsewhere.
const HARMLESS: &[&str] = &[
    r#"snmp-server host 10.0.0.1 version 3 auth bob"#,
    r#"snmp-server group grp v3 priv read VIEW write VIEW"#,
    r#"ntp trusted-key 1"#,
    r#"ntp server 10.0.0.1 key 1"#,
    r#"service password-encryption"#,
    r#"security passwords min-length 8"#,
    r#"aaa authentication login default group tacacs+ local"#,
    r#"crypto key generate rsa modulus 2048"#,
    r#"set community 65000:100 additive"#,
    r#"ip community-list standard X permit 65000:1"#,
    r#"neighbor X send-community extended"#,
    r#"set policy-options community C members 65000:1"#,
    "policy-options {\n    community KEEP members 65000:1;\n}",
    "system {\n    authentication-order [ tacplus password ];\n}",
    r#"set system root-authentication ssh-rsa "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ bob@x""#,
    r#"set interfaces wireguard wg0 peer P public-key 'PUBLICKEYabc='"#,
    r#"authentication pre-share"#,
    r#"authentication-mode aaa"#,
    "key chain K\n key 1\n  accept-lifetime 00:00:00 Jan 1 2020 infinite",
    r#"ip access-list extended KEY-ACL"#,
    r#"port trunk allow-pass vlan 10 20"#,
    r#"ip rip authentication key-chain K"#,
    r#"tunnel key 100"#,
    r#"mpls ldp password required"#,
    r#"crypto ipsec transform-set T esp-aes 256 esp-sha-hmac"#,
    r#"ip domain-name secret.example.net"#,
    "vlan 10\n name SECRET-LAB",
    r#"enable secret secret://vault/network#enable@7"#,
    r#"password ********"#,
];

/// Secrets that have a shape of their own, and what is left of the line.
const SHAPED: &[(&str, &str)] = &[
    ("enable secret 0 my long phrase", "enable secret 0 ******** ******** ********"),
    (
        "username bob secret 9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6",
        "username bob secret 9 ********",
    ),
    ("secret sha512 $6$abc$def123456789", "secret sha512 ********"),
    (
        "username bob password $sha512$5000$abc==$defg== pbkdf2 privilege 15",
        "username bob password ******** pbkdf2 privilege 15",
    ),
    ("something 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0", "something 5 ********"),
    ("encrypted-password \"$6$abc$def123456789\"; ## SECRET-DATA", "encrypted-password \"********\"; ## SECRET-DATA"),
    ("peer 10.0.0.1 password cipher %^%#abc def#%^%#", "peer 10.0.0.1 password cipher ********"),
    ("        set password ENC SH2abcdefgh=", "        set password ENC ********"),
    ("set ike gateway G pre-shared-key key -AQ==abcdefghi=", "set ike gateway G pre-shared-key key ********"),
    ("system.secret={enc2}AbCd", "system.secret=********"),
    ("create account user bob encrypted \"$5$abc$defg\"", "create account user bob encrypted \"********\""),
    ("super password role network-admin hash $h$6$abcdef", "super password role network-admin hash ********"),
    (
        "add wpa2-pre-shared-key=\"two words\" mode=dynamic-keys",
        "add wpa2-pre-shared-key=\"********\" mode=dynamic-keys",
    ),
    ("private-key 'abc='", "private-key '********'"),
    ("key 0abcdef0123456789 7 06070D221D1C5A4D", "key ******** 7 ********"),
    (
        "snmp-server user bob auth md5 0xd1e3bf7019f3a9c3ee4dccd381f0e4f3 priv 0xd1e3bf7019f3a9c3 localizedkey",
        "snmp-server user bob auth md5 ******** priv ******** localizedkey",
    ),
    (
        "ipv6 ospf authentication ipsec spi 500 md5 0 1234567890ABCDEF1234567890ABCDEF",
        "ipv6 ospf authentication ipsec spi 500 md5 0 ********",
    ),
    ("mgmt-user admin root 2d66a8d001b34e8ab8f0c5a7", "mgmt-user admin root ********"),
    ("<bcrypt-hash>$2b$10$13u6qwCOwODv34GyCMgdWub</bcrypt-hash>", "<bcrypt-hash>********</bcrypt-hash>"),
    ("<passwordauth>1</passwordauth>", "<passwordauth>1</passwordauth>"),
    ("aaa session 7 token a8F3kQ9zLw2XvB7nR4tY6uP1", "aaa session 7 token ********"),
];

#[test]
fn secrets_go_and_structure_stays() {
    let dialect = general();
    for line in LINES {
        assert_eq!(dialect.mask(line), line.replace("hunter2", MASK));
        assert_eq!(dialect.mask(&dialect.mask(line)), dialect.mask(line));
    }
    for line in HARMLESS {
        assert_eq!(dialect.mask(line), *line);
    }
    for (line, masked) in SHAPED {
        assert_eq!(dialect.mask(line), *masked);
    }
}

#[test]
fn private_keys_vanish_with_all_their_lines() {
    let text = "set private-key \"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEabc+/=\n  abcd==\n-----END RSA PRIVATE KEY-----\"\nhostname x\n";
    let masked = "set private-key \"-----BEGIN RSA PRIVATE KEY-----\n********\n\n********\n  ********\n-----END RSA PRIVATE KEY-----\"\nhostname x\n";
    assert_eq!(general().mask(text), masked);
    let inline = "key: \"-----BEGIN PRIVATE KEY-----MIIE abc-----END PRIVATE KEY-----\"";
    assert!(!general().mask(inline).contains("MIIE"));
    let open = "-----BEGIN PRIVATE KEY-----\nMIIEabc\nhostname not a key\ninterface x\n";
    assert_eq!(general().mask(open), "-----BEGIN PRIVATE KEY-----\n********\nhostname not a key\ninterface x\n");
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIEabc\n-----END CERTIFICATE-----\n";
    assert_eq!(general().mask(certificate), certificate);
}

#[test]
fn a_line_is_masked_by_where_it_stands() {
    let dialect = general();
    let in_section = |path: &str, line: &str| dialect.mask_command(&[path.to_owned()], line);
    assert_eq!(in_section("tacacs server T", "key 123456"), format!("key {MASK}"));
    assert_eq!(in_section("key chain K", "key 123456"), "key 123456");
    assert_eq!(in_section("snmp {", "community abc {"), format!("community {MASK} {{"));
    assert_eq!(in_section("policy-options {", "community abc members 65000:1"), "community abc members 65000:1");
    assert_eq!(in_section("config system snmp community", "set name \"abc\""), format!("set name \"{MASK}\""));
    assert_eq!(in_section("vrrp 10", "authentication abc"), format!("authentication {MASK}"));
}

#[test]
fn diffs_are_masked_like_configurations() {
    let page = DialectPage { secrets: vec![r"^wake up (\S+)".into()], ..DialectPage::default() };
    let dialect = Dialect::new(page).unwrap();
    let diff = "@@ -1,2 +1,2 @@\n tacacs server T\n- key 123456\n+ key 654321\n+wake up neo\n--password hunter2\n";
    let masked =
        "@@ -1,2 +1,2 @@\n tacacs server T\n- key ********\n+ key ********\n+wake up ********\n--password ********\n";
    assert_eq!(dialect.mask(diff), masked);
    let key = "+-----BEGIN PRIVATE KEY-----\n+MIIEabc\n+-----END PRIVATE KEY-----\n";
    assert_eq!(dialect.mask(key), key.replace("MIIEabc", MASK));
}

#[test]
fn only_public_keys_are_public() {
    let dialect = general();
    for line in [
        "key ssh-rsa",
        "key 'AAAAB3NzaC1yc2EAAAADAQABAAABAQ'",
        "ssh-rsa \"ssh-rsa AAAAB3NzaC1yc2E bob\"; ## SECRET-DATA",
    ] {
        assert_eq!(dialect.mask(line), line);
    }
    for line in ["password ssh-hunter2", "password ecdsa-sha2-hunter2", "password AAAAhunter2", "password -----hunter2"]
    {
        assert!(!dialect.mask(line).contains("hunter2"), "{line}");
    }
}

#[test]
fn pages_add_their_own_secrets() {
    let page = DialectPage { secrets: vec![r"^wake up (\S+)".into()], ..DialectPage::default() };
    let dialect = Dialect::new(page).unwrap();
    assert_eq!(dialect.mask("  wake up neo now\r\n"), format!("  wake up {MASK} now\r\n"));
}

#[test]
fn plans_carry_no_secret() {
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let running = dialect.parse("username bob secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0\ntacacs server T\n key oldkey\nsnmp-server community oldcomm RO\n");
    let intended =
        dialect.parse("username bob secret hunter2\ntacacs server T\n key hunter2\nsnmp-server community hunter2 RO\n");
    let remediation = dialect.remediate(&running, &intended, &Default::default());
    assert!(!remediation.is_empty());
    let masked = dialect.mask_remediation(&remediation);
    let texts = serde_json::to_string(&(&masked, dialect.mask_operations(&remediation.operations()))).unwrap();
    for secret in ["hunter2", "hx5rVt7r", "oldkey", "oldcomm"] {
        assert!(!texts.contains(secret), "{secret}: {texts}");
    }
    assert_eq!(masked.commands.len(), remediation.commands.len());
    assert!(texts.contains("username bob secret"));
    let operation = Operation {
        path: vec!["snmp {".into(), "community hunter2 {".into()],
        kind: Kind::Add,
        command: "clients 10.0.0.0/8".into(),
        old: None,
        risk: Risk::Routine,
        rule: None,
    };
    assert!(!dialect.mask_operation(&operation).path.join(" ").contains("hunter2"));
}

#[test]
fn hostile_lines_cost_little() {
    let dialect = general();
    for text in [
        "password ".repeat(50_000),
        "\"".repeat(300_000),
        "key=".repeat(80_000),
        "<password>".repeat(40_000),
        "é\"'=:".repeat(50_000),
    ] {
        let start = std::time::Instant::now();
        let masked = dialect.mask(&text);
        assert!(!masked.is_empty());
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
