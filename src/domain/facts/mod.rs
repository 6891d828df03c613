//! Device facts: what a device says about itself, in one shape for all platforms.
//!
//! A page per platform (`pages/*.yaml`) names commands and says how their output becomes the shape of [`schema`].

pub mod filters;
mod mapping;
pub mod page;
pub mod schema;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What can be asked of a device. The names and shapes are those that the field knows from NAPALM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Getter {
    /// Vendor, model, version, serial number, names, uptime.
    Facts,
    /// State, description, speed, MTU and MAC address of interfaces.
    Interfaces,
    /// Addresses of interfaces.
    InterfacesIp,
    /// Who is at the other end of links.
    LldpNeighbors,
    /// The same with everything that the other end says about itself.
    LldpNeighborsDetail,
    /// BGP sessions and their prefix counts.
    BgpNeighbors,
    /// The ARP table.
    ArpTable,
    /// The table of IPv6 neighbours.
    #[serde(rename = "ipv6_neighbors_table")]
    Ipv6NeighborsTable,
    /// The MAC address table.
    MacAddressTable,
    /// The routes to a prefix.
    RouteTo,
    /// Configured NTP peers.
    NtpPeers,
    /// Configured NTP servers.
    NtpServers,
    /// How well the clock follows them.
    NtpStats,
    /// Local accounts.
    Users,
    /// Fans, temperatures, power, processor, memory.
    Environment,
    /// VLANs and their interfaces.
    Vlans,
}

impl Getter {
    /// All getters, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::Facts,
        Self::Interfaces,
        Self::InterfacesIp,
        Self::LldpNeighbors,
        Self::LldpNeighborsDetail,
        Self::BgpNeighbors,
        Self::ArpTable,
        Self::Ipv6NeighborsTable,
        Self::MacAddressTable,
        Self::RouteTo,
        Self::NtpPeers,
        Self::NtpServers,
        Self::NtpStats,
        Self::Users,
        Self::Environment,
        Self::Vlans,
    ];

    /// Returns the name as it is written in pages, checks and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Interfaces => "interfaces",
            Self::InterfacesIp => "interfaces_ip",
            Self::LldpNeighbors => "lldp_neighbors",
            Self::LldpNeighborsDetail => "lldp_neighbors_detail",
            Self::BgpNeighbors => "bgp_neighbors",
            Self::ArpTable => "arp_table",
            Self::Ipv6NeighborsTable => "ipv6_neighbors_table",
            Self::MacAddressTable => "mac_address_table",
            Self::RouteTo => "route_to",
            Self::NtpPeers => "ntp_peers",
            Self::NtpServers => "ntp_servers",
            Self::NtpStats => "ntp_stats",
            Self::Users => "users",
            Self::Environment => "environment",
            Self::Vlans => "vlans",
        }
    }
}

impl fmt::Display for Getter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Getter {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let name = name.strip_prefix("get_").unwrap_or(name);
        let found = Self::ALL.into_iter().find(|getter| getter.name() == name);
        found.ok_or_else(|| format!("unknown getter {name:?}"))
    }
}

/// What a getter is asked about beside the device: `destination`, `protocol`, `vrf`.
pub type Arguments = BTreeMap<String, String>;

/// Why there are no facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// No page, or the page does not have this getter.
    #[error("{platform} has no getter {getter}")]
    Unsupported {
        /// The platform.
        platform: String,
        /// The getter.
        getter: Getter,
    },
    /// A command needs an argument that was not given, or that has characters no command may have.
    #[error("{getter}: the argument {name} {problem}")]
    Argument {
        /// The getter.
        getter: Getter,
        /// The name of the argument.
        name: String,
        /// What is the matter with it.
        problem: &'static str,
    },
    /// The output of a command is not what the page expects.
    #[error("{getter}: the output of {command:?} was not understood: {reason}")]
    NotUnderstood {
        /// The getter.
        getter: Getter,
        /// The command.
        command: String,
        /// What was not understood.
        reason: String,
    },
    /// The outputs can be read, and do not say what the getter needs.
    #[error("{getter}: {at}: {reason}")]
    Missing {
        /// The getter.
        getter: Getter,
        /// The field of the result.
        at: String,
        /// What is missing there.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_getters() {
        for getter in Getter::ALL {
            assert_eq!(getter.name().parse(), Ok(getter));
            assert_eq!(serde_json::to_value(getter).unwrap(), getter.name());
        }
        assert_eq!("get_facts".parse(), Ok(Getter::Facts));
        assert!("odd".parse::<Getter>().is_err());
    }
}
