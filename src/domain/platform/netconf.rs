//! The part of a platform page that says how to talk to the device by NETCONF.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a platform speaks NETCONF (RFC 6241, RFC 6242). What a server can do is learnt from its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetconfPage {
    /// The SSH subsystem.
    pub subsystem: String,
    /// Capabilities that our hello names beside the standard ones.
    pub capabilities: Vec<String>,
    /// How long the first request waits behind the hello: some servers lose one that arrives together with it.
    pub pause_ms: u64,
    /// Bounds of the timer of a confirmed commit in seconds, both included.
    pub timer_s: (u64, u64),
}

impl Default for NetconfPage {
    fn default() -> Self {
        Self { subsystem: "netconf".into(), capabilities: Vec::new(), pause_ms: 0, timer_s: (1, 86_400) }
    }
}
