//! What is believed about host keys: pinned, remembered, accepted on first use, signed by an authority.

use reconverge::adapters::device::ssh::Connection;
use reconverge::adapters::device::{DeviceProblem, HostKey};

use super::{SshLab, whoami};

const OTHER: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn unknown_and_changed_keys_are_refused_before_a_login_is_tried() {
    let Some(lab) = SshLab::take() else { return };
    let right = lab.host_keys["open"].clone();
    let mut target = lab.target("open", vec![lab.password()]);
    let logins = || std::fs::read_to_string(lab.dir.join("open.log")).expect("a log").matches("nobody-7").count();
    target.user = "nobody-7".into();
    let cases = [
        (HostKey::Unknown, "is not known yet", format!("reconverge trust open {right}")),
        (HostKey::Pinned(OTHER.into()), "HAS CHANGED: it shows", "update `host_key`".to_owned()),
        (HostKey::Remembered(OTHER.into()), "accepted before was", format!("reconverge trust open {right}")),
        (HostKey::Authority(vec![OTHER.into()]), "it shows a plain key", "certificate".to_owned()),
    ];
    for (host_key, words, hint) in cases {
        target.host_key = host_key;
        let error = lab.refusal(&target).await;
        assert_eq!(error.problem, DeviceProblem::HostKey);
        assert!(error.message.contains(words) && error.message.contains(&right), "{error}");
        let given = error.hint.expect("a hint");
        assert!(given.contains(&hint), "{given}");
    }
    assert_eq!(logins(), 0, "a login was tried");
    target.user = lab.user.clone();
    for host_key in [HostKey::AcceptNew, HostKey::Remembered(right.clone()), HostKey::Pinned(format!("{right}="))] {
        target.host_key = host_key;
        assert_eq!(Connection::open(&target).await.expect("it logs in").host_key(), right);
    }
}

#[tokio::test]
async fn certificates_of_hosts_are_believed_when_their_authority_is() {
    let Some(lab) = SshLab::take() else { return };
    let mut target = lab.target("signed", vec![lab.password(), lab.signed_key("user_signed")]);
    target.auth = vec![reconverge::adapters::device::Auth::Key(lab.key("user_ed25519"))];
    target.host_key = HostKey::Authority(vec![OTHER.into(), lab.host_authority.clone()]);
    assert_eq!(whoami(&target).await, lab.user);
    // without an authority the plain key of the same server is asked for
    target.host_key = HostKey::Pinned(lab.host_keys["signed"].clone());
    assert_eq!(whoami(&target).await, lab.user);
    target.host_key = HostKey::Authority(vec![OTHER.into()]);
    let error = lab.refusal(&target).await;
    assert!(error.message.contains("which is not trusted") && error.message.contains(&lab.host_authority), "{error}");
    target.host_key = HostKey::Authority(vec![lab.host_authority.clone()]);
    target.address = "localhost".into();
    let error = lab.refusal(&target).await;
    assert!(error.message.contains("its certificate is for 127.0.0.1 and not for localhost"), "{error}");
}
