//! The service on repositories behind real servers: smart HTTP with a token, SSH with a key.

use super::a_change_becomes_a_route::edit_fourth_prefix;
use super::network::{Kind, Network};
use crate::support::git_servers::GitServers;

#[test]
fn a_change_over_http_with_a_token_is_planned_and_deployed() {
    let Some(servers) = GitServers::take() else { return };
    let name = format!("stories-http-{}", std::process::id());
    let origin = servers.repository(&name);
    let Some(network) = Network::take_with(Kind::Shell, origin) else { return };
    let url = servers.http.repository_url(&name);
    let arguments = ["--git-user", servers.http.user.as_str()];
    let service = network.start_on(&url, &arguments, &[("RECONVERGE_GIT_TOKEN", &servers.http.token)]);
    planned_and_deployed(&network, &service);
    assert!(!service.printed().contains(&servers.http.token));
}

#[test]
fn a_change_over_ssh_with_a_key_is_planned_and_deployed() {
    let Some(servers) = GitServers::take() else { return };
    let name = format!("stories-ssh-{}", std::process::id());
    let origin = servers.repository(&name);
    let Some(network) = Network::take_with(Kind::Vtysh, origin) else { return };
    let known_hosts = network.state().with_file_name("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{} {}\n", servers.ssh.port, servers.ssh.host_key)).unwrap();
    let (key, known_hosts) = (servers.ssh.key.to_str().unwrap(), known_hosts.to_str().unwrap());
    let arguments = ["--git-key", key, "--git-known-hosts", known_hosts];
    let service = network.start_on(&servers.ssh.repository_url(&name), &arguments, &[]);
    planned_and_deployed(&network, &service);
}

fn planned_and_deployed(network: &Network, service: &super::service::Service) {
    let first = service.deployment(&network.work.head());
    assert_eq!(first["finished"]["outcome"], "applied", "{first:#}");
    edit_fourth_prefix(network);
    let changed = network.change(service, "fourth-prefix");
    assert_eq!(changed.run["finished"]["outcome"], "applied", "{:#}", changed.run);
    assert!(network.running("r2").contains("network 203.0.113.1/32"));
    network.note(&changed.proposed, "network 203.0.113.1/32");
    network.note(&changed.merged, "r2: Confirmed");
}
