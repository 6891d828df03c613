//! Three real FRR routers, started by `make test` around the tests and described by the file RECONVERGE_FRR_LAB.

use std::fs::File;
use std::path::PathBuf;
use std::process::Output;

use serde::Deserialize;

/// The lab of `tests/lab/frr-up.sh`. While the value lives, no other test (nor other process) uses it.
#[derive(Deserialize)]
pub(crate) struct FrrLab {
    /// The folder of the lab.
    dir: PathBuf,
    /// Where its scripts are.
    scripts: PathBuf,
    /// The start of the names of its namespaces.
    prefix: String,
    /// How to log in.
    pub(crate) accounts: Accounts,
    /// The routers, in the order of the ring.
    pub(crate) routers: Vec<Router>,
    #[serde(skip)]
    _lock: Option<File>,
}

/// The two accounts that every router has.
#[derive(Deserialize)]
pub(crate) struct Accounts {
    /// Its shell is `vtysh`: a terminal, or one command.
    pub(crate) vtysh: Account,
    /// Its shell is `bash`; it may run `vtysh` and `frr-reload.py`.
    pub(crate) shell: Account,
}

/// A login.
#[derive(Deserialize)]
pub(crate) struct Account {
    /// The name.
    pub(crate) user: String,
    /// The password.
    pub(crate) password: String,
    /// A file with the private key, without a passphrase.
    pub(crate) key: PathBuf,
}

/// One router.
#[derive(Deserialize)]
pub(crate) struct Router {
    /// `r1`, `r2` …, which is also its host name.
    pub(crate) name: String,
    /// Where its SSH server is reached.
    pub(crate) address: String,
    /// On which port.
    pub(crate) port: u16,
    /// The fingerprint of its host key, `SHA256:…`.
    pub(crate) host_key_fingerprint: String,
    /// Its autonomous system.
    #[serde(rename = "as")]
    pub(crate) autonomous_system: u32,
    /// The address of its loopback.
    pub(crate) router_id: String,
    /// What it announces.
    pub(crate) prefixes: Vec<String>,
    /// Its BGP neighbours.
    pub(crate) neighbors: Vec<Neighbor>,
}

/// A BGP session of a router, seen from that router.
#[derive(Deserialize)]
pub(crate) struct Neighbor {
    /// The name of the other router.
    pub(crate) router: String,
    /// Its address on the common link.
    pub(crate) address: String,
}

/// What to do with the way to a router's SSH server.
#[derive(Clone, Copy)]
pub(crate) enum Door {
    /// Connections are refused, sessions end.
    Close,
    /// Connections are accepted, nothing ever comes, sessions hang.
    Silence,
    /// As at the start.
    Restore,
}

impl FrrLab {
    /// Waits until no other test uses the lab, brings every router back to its first state and returns the lab; nothing, after
    /// saying so, when real counterparts are not asked for.
    pub(crate) fn take() -> Option<Self> {
        let description = super::lab_description("RECONVERGE_FRR_LAB")?;
        let mut lab: Self = serde_json::from_str(&description).expect("lab.json has the fields of frr-up.sh");
        let lock = File::create(lab.dir.join("lock")).expect("the lock file can be made");
        lock.lock().expect("the lock can be waited for");
        lab._lock = Some(lock);
        let names: Vec<&str> = lab.routers.iter().map(|router| router.name.as_str()).collect();
        super::successful("frr-reset.sh", &lab.script("frr-reset.sh", &names));
        Some(lab)
    }

    /// Returns the router of this name.
    pub(crate) fn router(&self, name: &str) -> &Router {
        self.routers.iter().find(|router| router.name == name).expect("the lab has r1 to r3")
    }

    /// Runs a command as root inside a router.
    pub(crate) fn exec(&self, router: &str, command: &[&str]) -> Output {
        self.script("frr-exec.sh", &[&[router, "--"], command].concat())
    }

    /// Types lines in configuration mode, as a person would; fails when the router refuses one.
    pub(crate) fn configure(&self, router: &str, lines: &[&str]) {
        let mut command = vec!["vtysh", "-c", "configure terminal"];
        for line in lines {
            command.extend(["-c", line]);
        }
        super::successful(&lines.join("; "), &self.exec(router, &command));
    }

    /// Returns what `show running-config` prints.
    pub(crate) fn running_config(&self, router: &str) -> String {
        let output = self.exec(router, &["vtysh", "-c", "show running-config"]);
        super::successful("show running-config", &output)
    }

    /// Tells whether a packet from the loopback of a router comes back from an address.
    pub(crate) fn reaches(&self, router: &str, address: &str) -> bool {
        let source = &self.router(router).router_id;
        self.exec(router, &["ping", "-q", "-c1", "-W1", "-I", source, address]).status.success()
    }

    /// Changes the way to a router.
    pub(crate) fn door(&self, router: &str, door: Door) {
        let verb = match door {
            Door::Close => "close",
            Door::Silence => "silence",
            Door::Restore => "restore",
        };
        super::successful(verb, &self.script("frr-door.sh", &[verb, router]));
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Output {
        let script = self.scripts.join(name);
        let mut command = std::process::Command::new("bash");
        command.arg(script).args(arguments).stdin(std::process::Stdio::null());
        command.env("LAB_DIR", &self.dir).env("LAB_PREFIX", &self.prefix);
        command.output().expect("bash can be run")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpStream;
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    /// Runs one command over SSH with the OpenSSH client.
    fn ssh(account: &Account, router: &Router, command: &str) -> Output {
        let port = router.port.to_string();
        let login = format!("{}@{}", account.user, router.address);
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=2", "-p", &port, "-i"])
            .arg(&account.key)
            .args([&login, command]);
        ssh.output().unwrap()
    }

    fn banner(router: &Router) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((router.address.as_str(), router.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn routers_route_and_take_hand_edits() {
        let Some(lab) = FrrLab::take() else { return };
        let last = lab.routers.last().unwrap();
        assert!(lab.reaches("r1", &last.router_id));
        assert_eq!(lab.router("r1").neighbors.len(), 2);
        assert_eq!(last.prefixes, [format!("{}/32", last.router_id)]);
        let clean = lab.running_config("r1");
        let neighbor = lab.router("r1").neighbors.iter().find(|neighbor| neighbor.router == "r3").unwrap();
        let bgp = format!("router bgp {}", lab.router("r1").autonomous_system);
        lab.configure("r1", &[&bgp, &format!("neighbor {} description edited by hand", neighbor.address)]);
        assert_ne!(lab.running_config("r1"), clean);
        assert!(!lab.exec("r1", &["vtysh", "-c", "show nonsense"]).status.success());
        drop(lab);
        assert_eq!(FrrLab::take().unwrap().running_config("r1"), clean);
    }

    #[test]
    fn both_accounts_reach_vtysh() {
        let Some(lab) = FrrLab::take() else { return };
        let r2 = lab.router("r2");
        let direct = successful_text(&ssh(&lab.accounts.vtysh, r2, "show running-config"));
        let through_shell = successful_text(&ssh(&lab.accounts.shell, r2, "vtysh -c 'show running-config'"));
        assert_eq!(direct, through_shell);
        assert!(direct.contains("\nhostname r2\n"), "{direct}");
        let saved = successful_text(&ssh(&lab.accounts.vtysh, r2, "write memory"));
        assert!(saved.contains("Integrated configuration saved"), "{saved}");
        let reload = ssh(&lab.accounts.shell, r2, "/usr/lib/frr/frr-reload.py --test /etc/frr/frr.conf");
        assert!(!successful_text(&reload).contains("Lines To"), "a saved configuration is in sync");
        assert!(lab.accounts.vtysh.password.len() >= 16 && r2.host_key_fingerprint.starts_with("SHA256:"));
    }

    fn successful_text(output: &Output) -> String {
        crate::support::successful("ssh", output)
    }

    #[test]
    fn doors_close_fall_silent_and_come_back() {
        let Some(lab) = FrrLab::take() else { return };
        let r3 = lab.router("r3");
        assert_eq!(banner(r3).unwrap(), "SSH-");
        lab.door("r3", Door::Close);
        assert_eq!(banner(r3).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
        lab.door("r3", Door::Restore);
        assert_eq!(banner(r3).unwrap(), "SSH-");
        lab.door("r3", Door::Silence);
        assert_eq!(banner(r3).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        lab.door("r3", Door::Restore);
        assert_eq!(banner(r3).unwrap(), "SSH-");
    }
}
