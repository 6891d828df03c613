//! The seven verbs against real servers: kept, taken back, cancelled, refused, and always true.

use std::time::Duration;

use reconverge::adapters::device::netconf::client::Failure;
use reconverge::adapters::device::netconf::framer::Framing;
use reconverge::adapters::device::netconf::message::{self, Datastore};
use reconverge::adapters::device::{Certainty, Device as _, DeviceProblem, RollbackClass};

use super::servers::{IETF_INTERFACES, interfaces, server};

const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_change_is_staged_committed_and_confirmed_from_fresh_sessions() {
    let Some(server) = server("timer").await else { return };
    let wanted = interfaces(&[("eth0", "to &lt;core&gt; &amp; back"), ("eth1", "two words")]);
    let candidate = server.candidate("change-1", "", &wanted);
    let mut session = server.session().await;
    assert_eq!(session.rollback_class(), RollbackClass::A);
    assert_eq!(session.client().framing(), Framing::Chunks);
    assert_eq!(session.running().await.unwrap(), "");
    let staged = session.stage(&candidate).await.unwrap();
    assert!(staged.device_diff.unwrap().contains("+  <interface><name>eth0</name>"));
    assert_eq!(server.running().await, "", "staging changed something");
    // the same session may go on: validating before the commit must not make it commit nothing
    session.commit(&candidate, LONG).await.unwrap();
    let running = server.running().await;
    assert!(server.same(&running, &wanted), "{running}");
    drop(session);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.same(&server.running().await, &wanted), "the commit ended with its session");
    server.session().await.confirm(&candidate).await.unwrap();
    // saying it again is fine, and it is saved for the next start
    let mut other = server.session().await;
    other.confirm(&candidate).await.unwrap();
    assert!(server.same(&other.run("get-config startup").await.unwrap(), &wanted));
    assert!(server.platform.dialect.parse(&other.running().await.unwrap()).count() > 0);
}

#[tokio::test]
async fn without_a_confirmation_the_device_goes_back() {
    let Some(server) = server("timer").await else { return };
    let candidate = server.candidate("change-2", "", &interfaces(&[("eth0", "a")]));
    server.session().await.commit(&candidate, SHORT).await.unwrap();
    assert!(server.comes_to("", Duration::from_secs(8)).await, "the timer did not act");
    let error = server.session().await.confirm(&candidate).await.unwrap_err();
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
    // rolling back what went back by itself is done at once
    server.session().await.rollback(&candidate).await.unwrap();
}

#[tokio::test]
async fn a_rollback_cancels_the_timer_and_undoes_what_was_confirmed() {
    let Some(server) = server("timer").await else { return };
    let base = interfaces(&[("eth0", "a")]);
    let first = server.candidate("change-3", "", &base);
    server.session().await.commit(&first, LONG).await.unwrap();
    server.session().await.rollback(&first).await.unwrap();
    assert_eq!(server.running().await, "");
    server.session().await.commit(&first, LONG).await.unwrap();
    server.session().await.confirm(&first).await.unwrap();
    let printed = server.running().await;
    let second = server.candidate("change-4", &printed, &interfaces(&[("eth0", "b"), ("eth1", "c")]));
    server.session().await.commit(&second, LONG).await.unwrap();
    server.session().await.confirm(&second).await.unwrap();
    server.session().await.rollback(&second).await.unwrap();
    assert!(server.same(&server.running().await, &printed));
    let startup = server.session().await.run("get-config startup").await.unwrap();
    assert!(server.same(&startup, &printed), "the way back was not saved: {startup}");
}

#[tokio::test]
async fn a_pending_commit_of_somebody_else_is_neither_confirmed_nor_lost() {
    let Some(server) = server("timer").await else { return };
    let theirs = server.candidate("theirs", "", &interfaces(&[("eth0", "theirs")]));
    server.session().await.commit(&theirs, Duration::from_secs(6)).await.unwrap();
    let printed = server.running().await;
    let ours = server.candidate("ours", &printed, &interfaces(&[("eth0", "ours")]));
    for error in [
        server.session().await.stage(&ours).await.map(drop).unwrap_err(),
        server.session().await.commit(&ours, LONG).await.unwrap_err(),
    ] {
        assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
        assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("timed commit")), "{error:?}");
    }
    assert!(server.session().await.confirm(&ours).await.is_err());
    server.session().await.rollback(&ours).await.unwrap();
    assert!(server.comes_to("", Duration::from_secs(10)).await, "the pending commit of somebody else was confirmed");
}

#[tokio::test]
async fn a_lock_names_the_session_that_holds_it() {
    let Some(server) = server("shared").await else { return };
    let candidate = server.candidate("change-5", "", &interfaces(&[("eth0", "a")]));
    for store in [Datastore::Running, Datastore::Candidate] {
        let mut other = server.session().await;
        other.client().call(&message::lock(store, true)).await.unwrap();
        let holder = format!("NETCONF session {} holds it", other.client().session());
        let error = server.session().await.commit(&candidate, LONG).await.unwrap_err();
        assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
        assert!(error.message.contains(&holder) && error.message.contains(store.name()), "{error}");
        other.client().call(&message::lock(store, false)).await.unwrap();
    }
    // whoever holds it can be ended, when somebody asks for exactly that
    let mut other = server.session().await;
    other.client().call(&message::lock(Datastore::Running, true)).await.unwrap();
    let id = other.client().session();
    server.session().await.run(&format!("kill-session {id}")).await.unwrap();
    assert!(matches!(other.client().call(&message::commit()).await, Err(Failure::Broken(_))));
    server.session().await.commit(&candidate, LONG).await.unwrap();
    server.session().await.rollback(&candidate).await.unwrap();
}

#[tokio::test]
async fn what_somebody_left_in_the_candidate_is_never_committed() {
    let Some(server) = server("shared").await else { return };
    let candidate = server.candidate("change-6", "", &interfaces(&[("eth0", "a")]));
    let foreign = format!(
        "<interfaces xmlns=\"{IETF_INTERFACES}\"><interface><name>eth9</name><type xmlns:t=\"urn:ietf:params:xml:ns:yang:iana-if-type\">t:ethernetCsmacd</type></interface></interfaces>"
    );
    let edit = message::edit_config(Datastore::Candidate, message::EditOptions::default(), &foreign);
    let mut other = server.session().await;
    other.client().call(&edit).await.unwrap();
    let error = server.session().await.commit(&candidate, LONG).await.unwrap_err();
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
    other.client().call(&message::discard_changes()).await.unwrap();
    // inside the confirm window: confirming would take their lines along
    server.session().await.commit(&candidate, SHORT).await.unwrap();
    other.client().call(&edit).await.unwrap();
    let error = server.session().await.confirm(&candidate).await.unwrap_err();
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Locked), "{error}");
    assert!(server.comes_to("", Duration::from_secs(8)).await);
    other.client().call(&message::discard_changes()).await.unwrap();
}

#[tokio::test]
async fn a_stale_plan_and_a_wrong_edit_change_nothing() {
    let Some(server) = server("shared").await else { return };
    let stale = server.candidate("change-7", &interfaces(&[("eth0", "old")]), &interfaces(&[("eth0", "new")]));
    let error = server.session().await.commit(&stale, LONG).await.unwrap_err();
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Stale), "{error}");
    assert!(error.message.contains("-  <interface><name>eth0</name>"), "{error}");
    let wrong = interfaces(&[("eth0", "a")]).replace("<description>a</description>", "<enabled>maybe</enabled>");
    let candidate = server.candidate("change-8", "", &wrong);
    for error in [
        server.session().await.stage(&candidate).await.map(drop).unwrap_err(),
        server.session().await.commit(&candidate, LONG).await.unwrap_err(),
    ] {
        assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
        assert!(
            error.message.contains("invalid-value") && error.message.contains("interface[if:name='eth0']/if:enabled"),
            "{error}"
        );
    }
    let secret = "<system xmlns='urn:ietf:params:xml:ns:yang:ietf-system'><authentication><user><name>ann</name>\
                  <password>hunter2</password></user></authentication></system>";
    let error = server.session().await.stage(&server.candidate("change-16", "", secret)).await.unwrap_err();
    assert!(error.message.contains("invalid-value") && !error.message.contains("hunter2"), "{error}");
    let unknown = interfaces(&[("eth0", "a")]).replace("<description>a</description>", "<bogus/>");
    let error = server.session().await.stage(&server.candidate("change-9", "", &unknown)).await.unwrap_err();
    assert!(error.message.contains("unknown-element"), "{error}");
    assert_eq!(server.running().await, "");
    // nothing is left in the candidate, and nothing is locked
    server.session().await.stage(&server.candidate("change-10", "", &interfaces(&[("eth0", "a")]))).await.unwrap();
}

#[tokio::test]
async fn ok_is_not_believed() {
    let Some(server) = server("shared").await else { return };
    // This server forgets what it has to commit when it was validated: it says ok and does nothing.
    let candidate = server.candidate("change-11", "", &interfaces(&[("eth0", "a")]));
    let text: String = candidate.commands.iter().map(|line| line.text.as_str()).collect();
    let mut raw = server.session().await;
    let edit = reconverge::domain::config::document::xml::wire(&text).unwrap();
    let options = message::EditOptions::default();
    raw.client().call(&message::edit_config(Datastore::Candidate, options, &edit)).await.unwrap();
    raw.client().call(&message::validate(Datastore::Candidate)).await.unwrap();
    raw.client().call(&message::commit_confirmed(60, "change-11")).await.unwrap();
    let did_nothing = server.running().await.is_empty();
    crate::support::say(&format!("netconf: validate, then commit: committed nothing: {did_nothing}"));
    // whatever the server did: a confirmation tells the truth
    let confirmed = server.session().await.confirm(&candidate).await;
    assert_eq!(confirmed.is_ok(), !server.running().await.is_empty(), "{confirmed:?}");
    raw.client().call(&message::discard_changes()).await.unwrap();
    // and our own order of things commits
    let printed = server.running().await;
    let ours = server.candidate("change-12", &printed, &interfaces(&[("eth0", "b")]));
    let mut session = server.session().await;
    session.stage(&ours).await.unwrap();
    session.commit(&ours, LONG).await.unwrap();
    assert!(server.running().await.contains("<description>b</description>"));
    server.session().await.rollback(&ours).await.unwrap();
}

#[tokio::test]
async fn entries_values_and_sections_go_and_come_as_predicted() {
    let Some(server) = server("shared").await else { return };
    let system = |dns: &str, user: &str| {
        format!(
            "<system xmlns='urn:ietf:params:xml:ns:yang:ietf-system'><contact>noc</contact>\
             <dns-resolver>{dns}</dns-resolver>{user}</system>"
        )
    };
    let dns = |name: &str, address: &str| {
        format!("<server><name>{name}</name><udp-and-tcp><address>{address}</address></udp-and-tcp></server>")
    };
    let search = |names: &[&str]| names.iter().map(|name| format!("<search>{name}</search>")).collect::<String>();
    let steps = [
        system(&(search(&["a.example", "b.example"]) + &dns("one", "192.0.2.1")), ""),
        system(&(search(&["b.example", "a.example"]) + &dns("two", "192.0.2.2") + &dns("one", "192.0.2.1")), ""),
        system(&(search(&["b.example"]) + &dns("two", "192.0.2.3")), ""),
        system("", "") + &interfaces(&[("eth0", "x"), ("eth1", "y")]),
        interfaces(&[("eth1", "y")]),
        String::new(),
    ];
    for (number, wanted) in steps.iter().enumerate() {
        let base = server.running().await;
        let candidate = server.candidate(&format!("step-{number}"), &base, wanted);
        server.session().await.commit(&candidate, LONG).await.unwrap();
        let running = server.running().await;
        assert!(
            server.same(&running, &candidate.predicted),
            "step {number}\nwanted {}\nfound {running}",
            candidate.predicted
        );
        // there and back again
        server.session().await.rollback(&candidate).await.unwrap();
        server.session().await.commit(&candidate, LONG).await.unwrap();
        server.session().await.confirm(&candidate).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_a_candidate_is_changed_directly() {
    let Some(server) = server("direct").await else { return };
    let mut session = server.session().await;
    assert_eq!(session.rollback_class(), RollbackClass::C);
    let candidate = server.candidate("change-13", "", &interfaces(&[("eth0", "a")]));
    session.stage(&candidate).await.unwrap();
    assert_eq!(server.running().await, "", "staging changed something");
    session.commit(&candidate, LONG).await.unwrap();
    server.session().await.confirm(&candidate).await.unwrap();
    assert!(server.same(&server.running().await, &candidate.predicted));
    server.session().await.rollback(&candidate).await.unwrap();
    assert_eq!(server.running().await, "");
    let error = server.session().await.confirm(&candidate).await.unwrap_err();
    assert_eq!(error.certainty, Certainty::Refused, "{error}");
    let wrong = interfaces(&[("eth0", "a")]).replace("<description>a</description>", "<enabled>maybe</enabled>");
    let error = server.session().await.commit(&server.candidate("change-14", "", &wrong), LONG).await.unwrap_err();
    assert_eq!((error.certainty, error.problem), (Certainty::Refused, DeviceProblem::Rejected), "{error}");
    assert_eq!(server.running().await, "");
}

#[tokio::test]
async fn an_old_server_is_spoken_to_without_chunks_and_without_a_timer() {
    let Some(server) = server("old").await else { return };
    let mut session = server.session().await;
    let has_token = session.client().capabilities().has("confirmed-commit:1.1");
    assert_eq!((session.client().framing(), has_token), (Framing::EndMark, false));
    assert_eq!(session.rollback_class(), RollbackClass::C);
    let candidate = server.candidate("change-15", "", &interfaces(&[("eth0", "]]&gt;]]&gt; is not the end")]));
    session.stage(&candidate).await.unwrap();
    session.commit(&candidate, LONG).await.unwrap();
    assert!(server.same(&server.running().await, &candidate.predicted));
    server.session().await.rollback(&candidate).await.unwrap();
    assert_eq!(server.running().await, "");
}

#[tokio::test]
async fn operations_beyond_the_verbs() {
    let Some(server) = server("timer").await else { return };
    let mut session = server.session().await;
    assert!(session.run("get-schema ietf-interfaces").await.unwrap().contains("module ietf-interfaces"));
    let sessions = session.run("get <netconf-state xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring'><sessions/></netconf-state>").await.unwrap();
    assert!(sessions.contains(&format!("<session-id>{}</session-id>", session.client().session())), "{sessions}");
    for wrong in ["show version", "get", "get <x", "get-config nowhere", "kill-session me"] {
        let error = session.run(wrong).await.unwrap_err();
        assert_eq!(error.certainty, Certainty::Refused, "{wrong}: {error}");
    }
}
