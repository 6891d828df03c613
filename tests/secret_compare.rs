//! Comparing secrets: an unchanged secret is never drift, a changed one always is, an unreadable one is listed.

use reconverge::domain::config::crypt::Form;
use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::page::DialectPage;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::config::secret_compare::{Reconciled, Spelling, Verdict, compare, reconcile_secrets};
use reconverge::domain::platform::Platform;

const TYPE5: &str = "$1$28772684$iEwNOgGugqO9.bIz5sk8k/";
const TYPE8: &str = "$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk";
const TYPE9: &str = "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6";
const SHA512: &str =
    "$6$52450745$k5ka2p8bFuSmoVT1tzOyyuaREkkKBcCNqoDKzYiJL9RaE8yMnPgh2XzzF0NDrUhgrcLwg78xs1w5pJiypEdFX/";

fn reconcile(platform: &str, running: &str, intended: &str) -> (Dialect, Reconciled, bool) {
    let dialect = Platform::built_in(platform).unwrap().dialect;
    let (running, intended) = (dialect.parse(running), dialect.parse(intended));
    let out = reconcile_secrets(&dialect, &running, &intended);
    let in_sync = dialect.remediate(&running, &out.intended, &Scope::Replace).is_empty();
    (dialect, out, in_sync)
}

#[test]
fn an_unchanged_secret_is_never_drift() {
    let cases = [
        (format!("enable secret 5 {TYPE5}"), "enable secret hashcat".to_owned()),
        (format!("enable secret 8 {TYPE8}"), "enable secret 0 hashcat".to_owned()),
        (format!("enable secret 9 {TYPE9}"), "enable secret hashcat".to_owned()),
        (
            format!("username bob privilege 15 secret 9 {TYPE9}"),
            "username bob privilege 15 secret 0 hashcat".to_owned(),
        ),
        ("username bob password 7 0822455D0A16".into(), "username bob password 0 cisco".into()),
        ("username bob password 7 0822455D0A16".into(), "username bob password 7 02050D480809".into()),
        ("line vty 0 4\n password 7 0822455D0A16".into(), "line vty 0 4\n password cisco".into()),
        (
            "interface Gi1\n ip ospf message-digest-key 1 md5 7 0822455D0A16".into(),
            "interface Gi1\n ip ospf message-digest-key 1 md5 cisco".into(),
        ),
        ("tacacs server T\n key 7 0822455D0A16".into(), "tacacs server T\n key cisco".into()),
        (
            "router bgp 1\n neighbor 10.0.0.1 password 7 0822455D0A16".into(),
            "router bgp 1\n neighbor 10.0.0.1 password cisco".into(),
        ),
        ("ntp authentication-key 1 md5 0822455D0A16 7".into(), "ntp authentication-key 1 md5 cisco".into()),
    ];
    for (running, intended) in cases {
        let (_, out, in_sync) = reconcile("cisco_iosxe", &running, &intended);
        assert!(in_sync && out.verified == 1 && out.write_only.is_empty(), "{running} / {intended}: {out:?}");
    }
    let (_, out, in_sync) =
        reconcile("arista_eos", &format!("username bob secret sha512 {SHA512}"), "username bob secret hashcat");
    assert!(in_sync && out.verified == 1);
}

#[test]
fn a_changed_secret_is_always_a_change() {
    let cases = [
        (format!("enable secret 9 {TYPE9}"), "enable secret other".to_owned()),
        (format!("enable secret 9 {TYPE9}"), format!("enable secret 9 {}", TYPE9.replace("Odfo6", "Odfo7"))),
        ("username bob password 7 0822455D0A16".into(), "username bob password 0 other".into()),
        ("snmp-server community one RO".into(), "snmp-server community two RO".into()),
        // The secret is the same, the rest of the line is not.
        (format!("username bob privilege 1 secret 9 {TYPE9}"), "username bob privilege 15 secret hashcat".into()),
        // The device holds the secret in clear although a hash is intended.
        ("enable secret hashcat".into(), format!("enable secret 9 {TYPE9}")),
    ];
    for (running, intended) in cases {
        let (dialect, out, in_sync) = reconcile("cisco_iosxe", &running, &intended);
        assert!(!in_sync && out.verified == 0 && out.write_only.is_empty(), "{running} / {intended}: {out:?}");
        assert_eq!(out.intended, dialect.parse(&intended));
    }
}

#[test]
fn what_nobody_can_read_is_write_only() {
    let running = "tacacs server T\n key 6 PDSHGWgadNhdOaMAcCVfDh\nenable secret 5 hidden";
    let (dialect, out, in_sync) =
        reconcile("cisco_iosxe", running, "tacacs server T\n key cisco\nenable secret 5 hidden");
    assert!(!in_sync);
    assert_eq!(out.write_only.len(), 1);
    assert_eq!(
        (out.write_only[0].path.as_slice(), out.write_only[0].line.as_str()),
        (&["tacacs server T".to_owned()][..], "key ********")
    );
    assert!(!format!("{:?}", out.write_only).contains("PDSHG"));
    assert_eq!(out.with_unchanged(|_| true), dialect.parse(running));
    assert_eq!(out.with_unchanged(|_| false), out.intended);
}

#[test]
fn flat_languages_name_the_clear_text_differently() {
    let dialect = Dialect::new(DialectPage::default()).unwrap();
    let pairs = [
        (
            format!("set system login user bob authentication encrypted-password \"{SHA512}\""),
            "set system login user bob authentication plain-text-password-value hashcat",
        ),
        (
            format!("set system login user bob authentication encrypted-password '{SHA512}'"),
            "set system login user bob authentication plaintext-password 'hashcat'",
        ),
        (
            "set protocols bgp group X authentication-key \"$9$FNkC3/t1IcevLuOWx\"".into(),
            "set protocols bgp group X authentication-key hello",
        ),
    ];
    for (running, intended) in pairs {
        let running = dialect.parse(&running);
        let out = reconcile_secrets(&dialect, &running, &dialect.parse(intended));
        assert_eq!(out.intended, running);
    }
}

#[test]
fn slow_hashes_are_bounded() {
    let dialect = Platform::built_in("cisco_iosxe").unwrap().dialect;
    let lines = |end: &str| (0..80).map(|n| format!("username u{n} secret {end}\n")).collect::<String>();
    let out =
        reconcile_secrets(&dialect, &dialect.parse(&lines(&format!("5 {TYPE5}"))), &dialect.parse(&lines("hashcat")));
    assert_eq!((out.verified, out.write_only.len()), (64, 16));
}

#[test]
fn two_spellings_of_one_secret() {
    let spelled = |form, text| Spelling { form, text };
    let cases = [
        (spelled(Form::Junos9, "$9$FNkC3/t1IcevLuOWx"), spelled(Form::Junos9, "$9$o1aGiPfz/Cuk.tO"), Verdict::Same),
        (spelled(Form::Cisco7, "0822455D0A16"), spelled(Form::Junos9, "$9$LbHX-wg4Z"), Verdict::Different),
        (spelled(Form::Md5Crypt, TYPE5), spelled(Form::Cisco7, "0822455D0A16"), Verdict::Different),
        (spelled(Form::Clear, "hashcat"), spelled(Form::Md5Crypt, TYPE5), Verdict::Same),
        (spelled(Form::Md5Crypt, TYPE5), spelled(Form::Sha512Crypt, SHA512), Verdict::CannotTell),
        (
            spelled(Form::Md5Crypt, TYPE5),
            spelled(Form::Md5Crypt, "$1$28772684$xEwNOgGugqO9.bIz5sk8k/"),
            Verdict::Different,
        ),
        (spelled(Form::Opaque, "abc"), spelled(Form::Clear, "abc"), Verdict::CannotTell),
        (spelled(Form::Opaque, "abc"), spelled(Form::Opaque, "abd"), Verdict::CannotTell),
        (spelled(Form::Clear, "a"), spelled(Form::Clear, "a"), Verdict::Same),
    ];
    for (running, intended, verdict) in cases {
        assert_eq!(compare(running, intended), verdict, "{:?} {:?}", running.form, intended.form);
    }
}
