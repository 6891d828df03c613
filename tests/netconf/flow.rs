//! A repository with one NETCONF device: planned, applied, in sync, edited by somebody else, stale.

use crate::support::git::Repository;
use crate::support::program::{Finished, Program};

use super::servers::{IETF_INTERFACES, Servers};

const TEMPLATE: &str = "\
<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">
{%- for name, port in interfaces | dictsort %}
  <interface>
    <name>{{ name }}</name>
    <description>{{ port }}</description>
    <type xmlns:ianaift=\"urn:ietf:params:xml:ns:yang:iana-if-type\">ianaift:ethernetCsmacd</type>
  </interface>
{%- endfor %}
</interfaces>
";

struct Flow {
    work: Repository,
    folder: tempfile::TempDir,
    password: String,
}

impl Flow {
    fn run(&self, arguments: &[&str]) -> Finished {
        Program::reconverge(self.work.folder(), arguments)
            .env("RECONVERGE_DEVICE_PASSWORD", &self.password)
            .env("RECONVERGE_STATE", self.folder.path().join("state").to_str().unwrap())
            .env("USER", "ada")
            .finish()
    }

    fn intend(&self, ports: &str) {
        self.work.write("data/device/n1.yaml", &format!("interfaces: {{{ports}}}\n"));
        self.work.commit("ports");
    }
}

#[test]
fn a_repository_with_a_netconf_device_is_planned_and_applied() {
    let Some(servers) = Servers::take() else { return };
    let folder = crate::support::folder();
    let work = Repository::new(&folder.path().join("work"));
    work.write(
        "reconverge.yaml",
        &format!(
            "confirm_timeout: 30s\ncredentials:\n  default: {{user: {}, password: 'secret://env/RECONVERGE_DEVICE_PASSWORD'}}\n",
            servers.user
        ),
    );
    work.write(
        "inventory/devices.yaml",
        &format!(
            "n1:\n  platform: netconf\n  transport: netconf\n  address: 127.0.0.1\n  port: {}\n  host_key: \"{}\"\n  owned: [interfaces]\n",
            servers.port("flow"),
            servers.host_key
        ),
    );
    work.write("templates/netconf/main.j2", TEMPLATE);
    let flow = Flow { work, folder, password: servers.password.clone() };
    flow.intend("eth0: to core, eth1: spare");
    let plan = flow.run(&["plan", "--out", "one.plan"]);
    let shown = &plan.expect_code(2).stdout;
    assert!(shown.contains("rollback A") && shown.contains("<interface><name>eth0</name>"), "{shown}");
    assert!(!shown.contains(&flow.password));
    flow.run(&["apply", "one.plan"]).expect_code(0);
    flow.run(&["plan"]).expect_code(0);
    flow.intend("eth0: to the core, eth2: new");
    flow.run(&["plan", "--out", "two.plan"]).expect_code(2);
    // the same plan twice: the second time the device is not what was approved
    flow.run(&["apply", "two.plan"]).expect_code(0);
    let again = flow.run(&["apply", "two.plan"]);
    assert_ne!(again.code, 0, "{again:?}");
    flow.run(&["plan"]).expect_code(0);
    assert!(!flow.run(&["plan"]).stdout.contains(IETF_INTERFACES));
    flow.intend("");
    flow.run(&["plan", "--out", "three.plan"]).expect_code(2);
    let apply = flow.run(&["apply", "three.plan"]);
    apply.expect_code(0);
}
