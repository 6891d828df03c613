//! What people write into `inventory/**/*.yaml` and `inventory/groups/*.yaml`; the editor schemas come from here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::Suspension;
use super::access::Connection;

/// One device of an inventory file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceFile {
    /// Name of the device; only where the file is a list.
    pub name: Option<String>,
    /// Network operating system, for example `frr` or `arista_eos`.
    pub platform: Option<String>,
    /// How to talk to it, where its platform offers several ways; the platform's first way when it is not given.
    pub transport: Option<TransportFile>,
    /// Address or host name of the management interface.
    pub address: Option<String>,
    /// TCP port; 22 for SSH, 23 for Telnet, 830 for `transport: netconf` when it is not given.
    pub port: Option<u16>,
    /// Login name, instead of the one in the credentials.
    pub user: Option<String>,
    /// Name of an entry under `credentials` in `reconverge.yaml`; `default` when it is not given.
    pub credentials: Option<String>,
    /// Fingerprint of the host key, `SHA256:…` as `ssh-keygen -lf` prints it; or `accept_new`, `ask`, or
    /// `@cert-authority SHA256:…` for host certificates.
    pub host_key: Option<String>,
    /// Names of entries under `jump_hosts` in `reconverge.yaml`, in the order in which they are gone through.
    pub via: Option<Vec<String>>,
    /// How the connection is made and watched.
    pub connection: Connection,
    /// Groups of the device, each a file in `inventory/groups/`.
    pub groups: Vec<String>,
    /// Facts for selectors and data layers: `site`, `role`, `env`, `redundancy_group` and your own.
    #[serde(deserialize_with = "words")]
    #[schemars(with = "BTreeMap<String, Word>")]
    pub labels: BTreeMap<String, String>,
    /// Settings for the driver, for example `vtysh: vtysh -N r1`.
    #[serde(deserialize_with = "words")]
    #[schemars(with = "BTreeMap<String, Word>")]
    pub options: BTreeMap<String, String>,
    /// Nothing is deployed to a suspended device.
    pub suspended: Option<Suspension>,
    /// How much of the configuration the repository owns.
    pub mode: Option<ModeFile>,
    /// The sections that the repository owns, with `mode: owned`: starts of top-level lines.
    pub owned: Option<Vec<String>>,
}

/// What the devices of a group have when they do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceDefaults {
    /// Network operating system.
    pub platform: Option<String>,
    /// How to talk to it, where its platform offers several ways; the platform's first way when it is not given.
    pub transport: Option<TransportFile>,
    /// TCP port of SSH.
    pub port: Option<u16>,
    /// Login name, instead of the one in the credentials.
    pub user: Option<String>,
    /// Name of an entry under `credentials` in `reconverge.yaml`.
    pub credentials: Option<String>,
    /// `accept_new`, where every first host key may be believed (a lab), or `@cert-authority SHA256:…`.
    pub host_key: Option<String>,
    /// Names of entries under `jump_hosts` in `reconverge.yaml`.
    pub via: Option<Vec<String>>,
    /// How connections are made and watched.
    pub connection: Connection,
    /// Labels that are added.
    #[serde(deserialize_with = "words")]
    #[schemars(with = "BTreeMap<String, Word>")]
    pub labels: BTreeMap<String, String>,
    /// Driver settings that are added.
    #[serde(deserialize_with = "words")]
    #[schemars(with = "BTreeMap<String, Word>")]
    pub options: BTreeMap<String, String>,
    /// How much of the configuration the repository owns.
    pub mode: Option<ModeFile>,
    /// The sections that the repository owns, with `mode: owned`.
    pub owned: Option<Vec<String>>,
}

/// How to talk to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportFile {
    /// Its command line over SSH.
    Cli,
    /// NETCONF over SSH, usually on port 830.
    Netconf,
}

impl TransportFile {
    /// The word by which drivers know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Netconf => "netconf",
        }
    }
}

/// How much of a device's configuration the repository owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModeFile {
    /// Everything: lines that the repository does not have are removed.
    Replace,
    /// Only the lines that the repository has: others stay.
    Merge,
    /// Everything inside the sections under `owned`, nothing outside.
    Owned,
}

/// One group: `inventory/groups/<name>.yaml`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupFile {
    /// Groups whose data lies below this one's.
    pub parents: Vec<String>,
    /// Of two groups of one device the heavier wins; 100 when it is not given.
    pub weight: Option<i64>,
    /// What the devices of the group have when they do not say it themselves.
    pub defaults: DeviceDefaults,
    /// Data for the devices of the group.
    pub vars: serde_json::Map<String, serde_json::Value>,
}

/// A text in a map of texts; numbers and truth values are taken as they are written.
struct Word(String);

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
        }
        from.deserialize_any(Words)
    }
}

fn words<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let words = Option::<BTreeMap<String, Word>>::deserialize(from)?.unwrap_or_default();
    Ok(words.into_iter().map(|(key, word)| (key, word.0)).collect())
}

/// One entry under `credentials` in `reconverge.yaml`. Values are references, never secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsFile {
    /// Login name.
    pub user: String,
    /// The password: `secret://env/NAME`, `secret://file/path#key`, `secret://vault/path#key@version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^secret://"))]
    pub password: Option<String>,
    /// A private key in OpenSSH or PEM form: a reference as for the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^secret://"))]
    pub key: Option<String>,
    /// What opens the private key: a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^secret://"))]
    pub passphrase: Option<String>,
    /// The OpenSSH certificate of the private key, the line of its `-cert.pub` file: a reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^secret://"))]
    pub certificate: Option<String>,
    /// An SSH agent whose keys are used: `env` for the one in `SSH_AUTH_SOCK`, or the path of its socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Only the key of the agent with this fingerprint, `SHA256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_key: Option<String>,
    /// Answers to questions at the login (keyboard-interactive): a pattern that fits the question, and a reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerFile>,
}

/// The answer to a question at the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// A regular expression that fits the question, for example `(?i)passcode`.
    pub question: String,
    /// The answer: a reference as for the password.
    #[schemars(extend("pattern" = "^secret://"))]
    pub answer: String,
}
