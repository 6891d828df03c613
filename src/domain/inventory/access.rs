//! How devices are reached, as people write it and as it is used: transport, jump hosts, times, what host keys are believed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Credentials;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::schedule::Interval;
use crate::domain::yaml::{Node, suggest};

/// SSH.
const PORT_SSH: u16 = 22;
/// Telnet.
const PORT_TELNET: u16 = 23;
/// Most SSH servers between here and a device.
const VIA_MAX: usize = 8;
/// Bounds of every time of a connection.
const TIME_MIN: Interval = Interval::seconds(1);
const TIME_MAX: Interval = Interval::seconds(600);
/// Most keepalives without an answer.
const KEEPALIVE_COUNT_MAX: u32 = 100;

/// What carries the command line of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// SSH.
    #[default]
    Ssh,
    /// Telnet, which sends everything in clear, the password included.
    Telnet,
}

/// How the connection to a device is made and watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// What carries the command line; `ssh` when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Whether SSH algorithms that are no longer safe may be used: SHA-1, CBC, DSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_algorithms: Option<bool>,
    /// A silent device is asked so often whether it still lives; `0s` never asks, `15s` when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<Interval>,
    /// So many keepalives without an answer end the connection; 3 when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_count: Option<u32>,
    /// Longest time to connect; `10s` when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Interval>,
    /// Longest time to log in; the one to connect when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_timeout: Option<Interval>,
    /// Longest time without any output of a command; `30s` when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_timeout: Option<Interval>,
}

impl Connection {
    /// Fills in what is not said.
    pub(super) fn fill(&mut self, more: &Self) {
        self.transport = self.transport.or(more.transport);
        self.legacy_algorithms = self.legacy_algorithms.or(more.legacy_algorithms);
        self.keepalive = self.keepalive.or(more.keepalive);
        self.keepalive_count = self.keepalive_count.or(more.keepalive_count);
        self.connect_timeout = self.connect_timeout.or(more.connect_timeout);
        self.login_timeout = self.login_timeout.or(more.login_timeout);
        self.command_timeout = self.command_timeout.or(more.command_timeout);
    }

    /// The port of the transport.
    pub(super) fn port_default(&self) -> u16 {
        match self.transport.unwrap_or_default() {
            Transport::Ssh => PORT_SSH,
            Transport::Telnet => PORT_TELNET,
        }
    }

    /// Reports what cannot work.
    pub(super) fn check(&self, wrong: &mut impl FnMut(Diagnostic, &str)) {
        let times = [
            ("connect_timeout", self.connect_timeout),
            ("login_timeout", self.login_timeout),
            ("command_timeout", self.command_timeout),
            ("keepalive", self.keepalive.filter(|keepalive| *keepalive != Interval::seconds(0))),
        ];
        for (name, time) in times {
            if time.is_some_and(|time| !(TIME_MIN..=TIME_MAX).contains(&time)) {
                wrong(Diagnostic::error(format!("{name} is between {TIME_MIN} and {TIME_MAX}")), "connection");
            }
        }
        if self.keepalive_count.is_some_and(|count| !(1..=KEEPALIVE_COUNT_MAX).contains(&count)) {
            let finding = Diagnostic::error(format!("keepalive_count is between 1 and {KEEPALIVE_COUNT_MAX}"));
            wrong(finding.hint("`keepalive: 0s` turns keepalives off"), "connection");
        }
    }
}

/// How many logins may go on at the same time; sessions that stand do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Logins {
    /// At the devices with the same label `site`; without it, as many as there are.
    pub per_site: Option<NonZeroU32>,
    /// At one device.
    pub per_device: NonZeroU32,
}

impl Default for Logins {
    fn default() -> Self {
        Self { per_site: None, per_device: NonZeroU32::MIN.saturating_add(1) }
    }
}

/// What is believed about a host key (the first use of an unknown key needs a decision).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Nobody decided: refused, until somebody accepts the key with `reconverge trust`.
    #[default]
    Ask,
    /// The first key that is seen is believed and remembered.
    AcceptNew,
    /// Only this fingerprint, `SHA256:…` as OpenSSH prints it.
    Pinned(String),
    /// Only a certificate that the authority with this fingerprint signed for the address.
    Authority(String),
}

impl HostKeyPolicy {
    /// Reads `SHA256:…`, `accept_new`, `ask` or `@cert-authority SHA256:…`.
    ///
    /// # Errors
    /// A finding that says what to write.
    pub fn parse(text: Option<&str>) -> Result<Self, Diagnostic> {
        // A SHA-256 in base64 without padding, as OpenSSH prints it: 43 characters.
        let fingerprint = |text: &str| {
            let digits = text.strip_prefix("SHA256:").unwrap_or_default();
            let is_base64 = digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
            (digits.len() == 43 && is_base64).then(|| text.to_owned())
        };
        let found = match text {
            None | Some("ask") => Some(Self::Ask),
            Some("accept_new") => Some(Self::AcceptNew),
            Some(text) => match text.strip_prefix("@cert-authority ") {
                Some(authority) => fingerprint(authority.trim()).map(Self::Authority),
                None => fingerprint(text).map(Self::Pinned),
            },
        };
        found.ok_or_else(|| {
            let text = text.unwrap_or_default();
            Diagnostic::error(format!("{text:?} is not a fingerprint of a host key"))
                .hint("write SHA256: and 43 characters as ssh-keygen -lf prints it, accept_new, or ask")
        })
    }
}

/// One entry under `jump_hosts` in `reconverge.yaml`: an SSH server through which devices are reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JumpHostFile {
    /// Address or host name, as the jump host before it sees it.
    pub address: String,
    /// TCP port, 22 when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Name of an entry under `credentials`; `default` when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Fingerprint of the host key, `SHA256:…`, or `accept_new`, `ask`, `@cert-authority SHA256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// Whether SSH algorithms that are no longer safe may be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub legacy_algorithms: bool,
}

/// An SSH server through which devices are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpHost {
    /// Its name in the settings.
    pub name: String,
    /// Address or host name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// How to log in.
    pub credentials: Option<Credentials>,
    /// What is believed about its host key.
    pub host_key: HostKeyPolicy,
    /// Whether SSH algorithms that are no longer safe may be used.
    pub legacy_algorithms: bool,
}

/// Reads the jump hosts of `reconverge.yaml`. One with a finding is kept: a device must not be reached without it.
pub fn jump_hosts(
    files: &BTreeMap<String, JumpHostFile>,
    node: Option<&Node>,
    credentials: &BTreeMap<String, Credentials>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<String, JumpHost> {
    let mut found = BTreeMap::new();
    for (name, file) in files {
        let entry = node.and_then(|node| node.get(name));
        let mut wrong = |finding: Diagnostic, key: &str| {
            let mark = entry.and_then(|entry| entry.get(key)).or(entry).map(|node| node.mark.clone());
            let mark = mark.unwrap_or_else(|| crate::domain::yaml::Mark::whole("reconverge.yaml"));
            findings.push(mark.on(finding));
        };
        if !super::load::is_address(&file.address) {
            wrong(Diagnostic::error(format!("{:?} is not an address or a host name", file.address)), "address");
        }
        if file.port == Some(0) {
            wrong(Diagnostic::error("the port 0 cannot be reached"), "port");
        }
        let account = file.credentials.as_deref().unwrap_or(super::load::CREDENTIALS_DEFAULT);
        if !credentials.contains_key(account) {
            let finding =
                Diagnostic::error(format!("the credentials {account:?} of the jump host {name:?} are not there"));
            wrong(finding.hint(suggest::hint(account, credentials.keys().map(String::as_str))), "credentials");
        }
        let host_key = HostKeyPolicy::parse(file.host_key.as_deref()).unwrap_or_else(|finding| {
            wrong(finding, "host_key");
            HostKeyPolicy::Ask
        });
        let host = JumpHost {
            name: name.clone(),
            address: file.address.clone(),
            port: file.port.unwrap_or(PORT_SSH),
            credentials: credentials.get(account).cloned(),
            host_key,
            legacy_algorithms: file.legacy_algorithms,
        };
        found.insert(name.clone(), host);
    }
    found
}

/// Finds the jump hosts of a device; `None` when one is unknown, because it must not be reached another way.
pub(super) fn via(
    names: &[String],
    known: &BTreeMap<String, JumpHost>,
    wrong: &mut impl FnMut(Diagnostic, &str),
) -> Option<Vec<JumpHost>> {
    if names.len() > VIA_MAX {
        wrong(Diagnostic::error(format!("a device is at most behind {VIA_MAX} jump hosts")), "via");
        return None;
    }
    let mut hosts = Vec::new();
    for name in names {
        let Some(host) = known.get(name) else {
            let finding =
                Diagnostic::error(format!("the jump host {name:?} is not under jump_hosts in reconverge.yaml"));
            wrong(finding.hint(suggest::hint(name, known.keys().map(String::as_str))), "via");
            return None;
        };
        if hosts.contains(host) {
            wrong(Diagnostic::error(format!("the jump host {name:?} is there twice")), "via");
            return None;
        }
        hosts.push(host.clone());
    }
    Some(hosts)
}
