//! Facts of the real FRR routers of the lab, through the door, with both kinds of accounts.

use reconverge::domain::facts::page::Page;
use reconverge::domain::facts::{Arguments, FactError, Getter, schema};
use reconverge::engine::facts::{FactsError, read};

use super::frr;
use super::frr_lab::door;
use crate::support::frr_lab::FrrLab;

#[tokio::test]
async fn a_real_router_tells_its_facts() {
    let Some(lab) = FrrLab::take() else { return };
    let page = Page::of("frr").expect("there is a page");
    for account in [&lab.accounts.vtysh, &lab.accounts.shell] {
        let mut session = frr::open(&door(&lab, account)).await;
        let none = Arguments::new();

        let facts = read(session.as_mut(), &page, Getter::Facts, &none).await.expect("it answers");
        let facts: schema::Facts = schema::read(facts).expect("it has the shape");
        assert_eq!((facts.hostname.as_str(), facts.vendor.as_str()), ("r1", "FRRouting"));
        assert!(facts.interface_list.contains(&"swp1".to_owned()), "{facts:?}");
        assert!(facts.os_version.starts_with(|c: char| c.is_ascii_digit()), "{facts:?}");

        let interfaces = read(session.as_mut(), &page, Getter::Interfaces, &none).await.expect("it answers");
        let interfaces: schema::Named<schema::Interface> = schema::read(interfaces).expect("it has the shape");
        assert!(interfaces["swp1"].is_up && interfaces["swp1"].mtu == 1500, "{interfaces:?}");
        assert_eq!(interfaces["swp1"].mac_address.len(), 17, "{interfaces:?}");

        let addresses = read(session.as_mut(), &page, Getter::InterfacesIp, &none).await.expect("it answers");
        assert_eq!(addresses["swp1"]["ipv4"]["198.18.101.1"]["prefix_length"], 30, "{addresses}");

        let bgp = read(session.as_mut(), &page, Getter::BgpNeighbors, &none).await.expect("it answers");
        let bgp: schema::Named<schema::BgpInstance> = schema::read(bgp).expect("it has the shape");
        let peer = &bgp["global"].peers["198.18.101.2"];
        assert_eq!((peer.local_as, peer.remote_as), (65001, 65002));
        assert!(peer.is_enabled && peer.address_family.contains_key("ipv4"), "{bgp:?}");

        let to = Arguments::from([("destination".to_owned(), "198.18.101.0/30".to_owned())]);
        let routes = read(session.as_mut(), &page, Getter::RouteTo, &to).await.expect("it answers");
        assert_eq!(routes["198.18.101.0/30"][0]["outgoing_interface"], "swp1", "{routes}");

        let error = read(session.as_mut(), &page, Getter::LldpNeighbors, &none).await.expect_err("FRR has no LLDP");
        assert!(matches!(error, FactsError::Facts(FactError::Unsupported { .. })), "{error}");
        let bad = Arguments::from([("destination".to_owned(), "10.0.0.0/8\nreload".to_owned())]);
        let error = read(session.as_mut(), &page, Getter::RouteTo, &bad).await.expect_err("it is no word");
        assert!(error.to_string().contains("not one plain word"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_understood_is_a_failure() {
    let Some(lab) = FrrLab::take() else { return };
    let page = "platform: frr\ngetters:\n  users:\n    commands: { data: { run: show version, format: json } }\n    result: data\n  \
                ntp_peers:\n    commands: { data: { run: show vershun, format: text } }\n    result: {}\n";
    let page = Page::read(page).expect("it is a page");
    let mut session = frr::open(&door(&lab, &lab.accounts.vtysh)).await;
    let error = read(session.as_mut(), &page, Getter::Users, &Arguments::new()).await.expect_err("it is no JSON");
    assert!(
        error.to_string().starts_with("users: the output of \"show version\" was not understood: not JSON"),
        "{error}"
    );
    let error = read(session.as_mut(), &page, Getter::NtpPeers, &Arguments::new()).await.expect_err("no such command");
    assert!(matches!(&error, FactsError::Device { .. }) && error.to_string().contains("vershun"), "{error}");
}
