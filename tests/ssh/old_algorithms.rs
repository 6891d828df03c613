//! Servers that speak only algorithms which are no longer safe.

use reconverge::adapters::device::DeviceProblem;
use reconverge::adapters::device::access::Auth;

use super::{SshLab, whoami};

#[tokio::test]
async fn old_servers_are_spoken_to_only_where_the_inventory_allows_it() {
    let Some(lab) = SshLab::take() else { return };
    let mut target = lab.target("legacy", vec![lab.password()]);
    let error = lab.refusal(&target).await;
    assert_eq!(error.problem, DeviceProblem::Protocol);
    let offered = "it offers diffie-hellman-group1-sha1, diffie-hellman-group14-sha1";
    assert!(error.message.contains("no key exchange algorithm that is considered safe"), "{error}");
    assert!(error.message.contains(offered), "{error}");
    assert!(error.hint.expect("a hint").contains("legacy_algorithms: true"));

    target.legacy_algorithms = true;
    assert_eq!(whoami(&target).await, lab.user);
    for (key, accepted) in [("user_rsa", true), ("user_rsa_pem", true), ("user_ed25519", false)] {
        target.auth = vec![Auth::Key(lab.key(key))];
        if accepted {
            assert_eq!(whoami(&target).await, lab.user, "{key}");
        } else {
            assert!(lab.refusal(&target).await.message.contains("was refused"), "{key}");
        }
    }
}
