//! The driver on the real FRR routers of the lab, with both kinds of accounts.

use reconverge::adapters::device::{Auth, HostKey, RollbackClass};
use reconverge::domain::secret::Secret;

use super::{Door, frr};
use crate::support::frr_lab::{Account, FrrLab};

/// The door of `r1` for one of its accounts.
pub(super) fn door(lab: &FrrLab, account: &Account) -> Door {
    let router = lab.router("r1");
    let key = std::fs::read_to_string(&account.key).expect("the key can be read");
    Door {
        platform: "frr",
        port: router.port,
        user: account.user.clone(),
        auth: vec![Auth::Key(Secret::new(key))],
        host_key: HostKey::Pinned(router.host_key_fingerprint.clone()),
        options: Default::default(),
    }
}

#[tokio::test]
async fn an_account_with_vtysh_as_its_shell_changes_the_router() {
    let Some(lab) = FrrLab::take() else { return };
    let door = door(&lab, &lab.accounts.vtysh);
    frr::reads_and_runs(&door, RollbackClass::C).await;
    frr::commits_and_confirms(&door).await;
    frr::rolls_back(&door).await;
    frr::refuses_a_line_in_the_middle(&door).await;
    frr::follows_a_new_host_name(&door).await;
    frr::types_long_lines(&door).await;
}

#[tokio::test]
async fn an_account_with_a_unix_shell_changes_the_router() {
    let Some(lab) = FrrLab::take() else { return };
    let door = door(&lab, &lab.accounts.shell);
    frr::reads_and_runs(&door, RollbackClass::B).await;
    frr::commits_and_confirms(&door).await;
    frr::rolls_back(&door).await;
    frr::refuses_a_line_in_the_middle(&door).await;
    frr::types_long_lines(&door).await;
    frr::dry_run_finds_a_wrong_line(&door).await;
    frr::reload_restores_what_undo_forgot(&door).await;
}

#[tokio::test]
async fn a_router_with_a_unix_shell_comes_back_by_itself() {
    let Some(lab) = FrrLab::take() else { return };
    let door = door(&lab, &lab.accounts.shell);
    frr::timer_restores(&door).await;
    frr::timer_runs_out_while_typing(&door).await;
    frr::comes_back_after_cutting_itself_off(&door, "eth0").await;
    let left = lab.exec("r1", &["sh", "-c", "ls -d /home/*/.reconverge /var/tmp/reconverge.* 2>/dev/null; true"]);
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "nothing of a change stays on the router");
}

#[tokio::test]
async fn an_openssh_server_tells_apart_what_is_wrong() {
    let Some(lab) = FrrLab::take() else { return };
    for account in [&lab.accounts.vtysh, &lab.accounts.shell] {
        let mut door = door(&lab, account);
        door.auth = vec![Auth::Password(Secret::new(account.password.clone()))];
        frr::login_errors_are_clear(&door).await;
    }
}
