//! The part of a platform page that says how to talk to the device by NETCONF.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a platform speaks NETCONF (RFC 6241, RFC 6242). What a server can do is learnt from its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetconfPage {
    /// The SSH subsystem.
    pub subsystem: String,
    /// In which form the configuration is read and loaded.
    pub format: Format,
    /// Capabilities that our hello names beside the standard ones.
    pub capabilities: Vec<String>,
    /// Bounds of the timer of a confirmed commit in seconds, both included.
    pub timer_s: (u64, u64),
}

impl Default for NetconfPage {
    fn default() -> Self {
        Self { subsystem: "netconf".into(), format: Format::Xml, capabilities: Vec::new(), timer_s: (1, 86_400) }
    }
}

/// The form of a configuration on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// XML of the YANG models, changed by `edit-config`.
    #[default]
    Xml,
    /// Junos text, read with `get-configuration format="text"` and changed by `load-configuration action="set"` (Juniper,
    /// Junos XML Management Protocol Developer Guide).
    JunosText,
}
