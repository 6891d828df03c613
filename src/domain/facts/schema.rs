//! The shapes of facts, the same for every platform. Unknown numbers are -1, unknown texts empty, as in the common getters.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Getter;

/// What stands for a password that is set: facts never carry secrets, not even hashed ones.
pub const MASKED: &str = "********";

macro_rules! shapes {
    ($($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_about])* pub $field: $kind,)*
            }
        )*
    };
}

/// By interface, prefix, address or other name.
pub type Named<T> = BTreeMap<String, T>;

shapes! {
    /// `facts`.
    Facts {
        /// The version of the operating system.
        os_version: String,
        /// Seconds since the start; -1 when the device does not say it.
        uptime: f64,
        /// The names of the interfaces.
        interface_list: Vec<String>,
        /// Who made it.
        vendor: String,
        /// The serial number of the chassis.
        serial_number: String,
        /// The model.
        model: String,
        /// The host name.
        hostname: String,
        /// The host name with its domain.
        fqdn: String,
    }
    /// One interface of `interfaces`.
    Interface {
        /// Whether it works.
        is_up: bool,
        /// Whether it is meant to work.
        is_enabled: bool,
        /// What an operator wrote about it.
        description: String,
        /// When its state changed: seconds ago or a time stamp, as the platform says it; -1 when unknown.
        last_flapped: f64,
        /// Bytes of the largest packet; -1 when unknown.
        mtu: i64,
        /// Mbit/s; -1 when unknown.
        speed: f64,
        /// The MAC address, empty when it has none.
        mac_address: String,
    }
    /// One address of `interfaces_ip`.
    AddressLength {
        /// The length of the prefix.
        prefix_length: u8,
    }
    /// One neighbour of `lldp_neighbors`.
    LldpNeighbor {
        /// Its name.
        hostname: String,
        /// Its port.
        port: String,
    }
    /// One neighbour of `lldp_neighbors_detail`.
    LldpNeighborDetail {
        /// The aggregate or physical interface that ours belongs to.
        parent_interface: String,
        /// Its port.
        remote_port: String,
        /// What is written about its port.
        remote_port_description: String,
        /// The id of its chassis, usually a MAC address.
        remote_chassis_id: String,
        /// Its name.
        remote_system_name: String,
        /// What it says that it is.
        remote_system_description: String,
        /// What it can do.
        remote_system_capab: Vec<String>,
        /// What it does.
        remote_system_enable_capab: Vec<String>,
    }
    /// The prefixes of one session and address family.
    PrefixCounts {
        /// Sent to the peer; -1 when unknown.
        sent_prefixes: i64,
        /// Taken into use; -1 when unknown.
        accepted_prefixes: i64,
        /// Received from the peer; -1 when unknown.
        received_prefixes: i64,
    }
    /// One session of `bgp_neighbors`.
    BgpPeer {
        /// Our AS.
        local_as: i64,
        /// The AS of the peer.
        remote_as: i64,
        /// The router id of the peer, empty when unknown.
        remote_id: String,
        /// Whether the session is established.
        is_up: bool,
        /// Whether it is meant to be.
        is_enabled: bool,
        /// What an operator wrote about it.
        description: String,
        /// Seconds since it was established; -1 when it is not.
        uptime: i64,
        /// By `ipv4`, `ipv6` and so on.
        address_family: Named<PrefixCounts>,
    }
    /// One routing instance of `bgp_neighbors`.
    BgpInstance {
        /// Our router id.
        router_id: String,
        /// By address.
        peers: Named<BgpPeer>,
    }
    /// One entry of `arp_table`.
    ArpEntry {
        /// Where.
        interface: String,
        /// Who.
        mac: String,
        /// Under which address.
        ip: String,
        /// Seconds or minutes as the platform counts; -1 when unknown.
        age: f64,
    }
    /// One entry of `ipv6_neighbors_table`.
    NeighborEntry {
        /// Where.
        interface: String,
        /// Who.
        mac: String,
        /// Under which address.
        ip: String,
        /// Seconds; -1 when unknown.
        age: f64,
        /// The state of neighbour discovery (RFC 4861).
        state: String,
    }
    /// One entry of `mac_address_table`.
    MacEntry {
        /// Who.
        mac: String,
        /// Where.
        interface: String,
        /// In which VLAN.
        vlan: i64,
        /// Whether somebody configured it.
        r#static: bool,
        /// Whether it is used.
        active: bool,
        /// How often it moved; -1 when unknown.
        moves: i64,
        /// When it moved last, in seconds; -1 when unknown.
        last_move: f64,
    }
    /// One way of `route_to`.
    Route {
        /// Where it comes from.
        protocol: String,
        /// Whether it is used now.
        current_active: bool,
        /// Whether it was used before.
        last_active: bool,
        /// Seconds.
        age: i64,
        /// The next router.
        next_hop: String,
        /// The interface.
        outgoing_interface: String,
        /// Whether it is the chosen one of several.
        selected_next_hop: bool,
        /// The preference of its protocol.
        preference: i64,
        /// Why it is not used.
        inactive_reason: String,
        /// The table.
        routing_table: String,
        /// What only its protocol knows.
        protocol_attributes: serde_json::Map<String, Value>,
    }
    /// One peer of `ntp_peers`; nothing but its name is known.
    NtpPeer {}
    /// One server of `ntp_servers`.
    NtpServer {
        /// The address.
        address: String,
        /// The UDP port.
        port: i64,
        /// The version of the protocol.
        version: i64,
        /// `SERVER`, `PEER` or `POOL`.
        association_type: String,
        /// Whether it asks in bursts at the start.
        iburst: bool,
        /// Whether it is preferred.
        prefer: bool,
        /// The routing instance.
        network_instance: String,
        /// The source of the packets.
        source_address: String,
        /// The id of the key; -1 without one.
        key_id: i64,
    }
    /// One association of `ntp_stats`.
    NtpAssociation {
        /// The other clock.
        remote: String,
        /// What the other clock follows.
        referenceid: String,
        /// Whether ours follows it.
        synchronized: bool,
        /// Its stratum.
        stratum: i64,
        /// Its type, as the device writes it.
        r#type: String,
        /// When it was heard, as the device writes it.
        when: String,
        /// Seconds between questions.
        hostpoll: i64,
        /// The register of the last eight questions, as octal digits.
        reachability: i64,
        /// Milliseconds.
        delay: f64,
        /// Milliseconds.
        offset: f64,
        /// Milliseconds.
        jitter: f64,
    }
    /// One account of `users`.
    User {
        /// The privilege level.
        level: i64,
        /// Whether it has a password: empty, or [`MASKED`].
        password: String,
        /// Its public keys.
        sshkeys: Vec<String>,
    }
    /// One fan.
    Fan {
        /// Whether it works.
        status: bool,
    }
    /// One sensor.
    Temperature {
        /// Degrees Celsius.
        temperature: f64,
        /// Whether it is too hot.
        is_alert: bool,
        /// Whether it is hot enough to break.
        is_critical: bool,
    }
    /// One power supply.
    Power {
        /// Whether it works.
        status: bool,
        /// Watts it can give; -1 when unknown.
        capacity: f64,
        /// Watts it gives; -1 when unknown.
        output: f64,
    }
    /// One processor.
    Cpu {
        /// Per cent.
        #[serde(rename = "%usage")]
        usage: f64,
    }
    /// The memory.
    Memory {
        /// In the unit of the platform; -1 when unknown.
        used_ram: i64,
        /// In the unit of the platform; -1 when unknown.
        available_ram: i64,
    }
    /// `environment`.
    Environment {
        /// By name.
        fans: Named<Fan>,
        /// By name.
        temperature: Named<Temperature>,
        /// By name.
        power: Named<Power>,
        /// By number.
        cpu: Named<Cpu>,
        /// The memory.
        memory: Memory,
    }
    /// One VLAN.
    Vlan {
        /// Its name.
        name: String,
        /// Its interfaces.
        interfaces: Vec<String>,
    }
}

/// Puts a value into the shape of its getter; masks passwords.
pub(super) fn check(getter: Getter, value: Value) -> Result<Value, (String, String)> {
    match getter {
        Getter::Facts => fit::<Facts>(value),
        Getter::Interfaces => fit::<Named<Interface>>(value),
        Getter::InterfacesIp => fit::<Named<Named<Named<AddressLength>>>>(value),
        Getter::LldpNeighbors => fit::<Named<Vec<LldpNeighbor>>>(value),
        Getter::LldpNeighborsDetail => fit::<Named<Vec<LldpNeighborDetail>>>(value),
        Getter::BgpNeighbors => fit::<Named<BgpInstance>>(value),
        Getter::ArpTable => fit::<Vec<ArpEntry>>(value),
        Getter::Ipv6NeighborsTable => fit::<Vec<NeighborEntry>>(value),
        Getter::MacAddressTable => fit::<Vec<MacEntry>>(value),
        Getter::RouteTo => fit::<Named<Vec<Route>>>(value),
        Getter::NtpPeers => fit::<Named<NtpPeer>>(value),
        Getter::NtpServers => fit::<Named<NtpServer>>(value),
        Getter::NtpStats => fit::<Vec<NtpAssociation>>(value),
        Getter::Users => {
            let mut users: Named<User> = read(value)?;
            for user in users.values_mut().filter(|user| !user.password.is_empty()) {
                MASKED.clone_into(&mut user.password);
            }
            write(&users)
        }
        Getter::Environment => fit::<Environment>(value),
        Getter::Vlans => fit::<Named<Vlan>>(value),
    }
}

/// Reads facts as their type.
///
/// # Errors
/// Names the field that does not fit.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| (error.path().to_string(), error.inner().to_string()))
}

fn write<T: Serialize>(value: &T) -> Result<Value, (String, String)> {
    serde_json::to_value(value).map_err(|error| (String::new(), error.to_string()))
}

fn fit<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, (String, String)> {
    write(&read::<T>(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_are_checked_and_passwords_masked() {
        let users = json!({"a": {"level": 15, "password": "$1$x", "sshkeys": []}, "b": {"level": 1, "password": "", "sshkeys": []}});
        let checked = check(Getter::Users, users).unwrap();
        assert_eq!((&checked["a"]["password"], &checked["b"]["password"]), (&json!(MASKED), &json!("")));
        let (at, reason) = check(Getter::Interfaces, json!({"e1": {"is_up": "yes"}})).unwrap_err();
        assert_eq!((at.as_str(), reason.contains("boolean")), ("e1.is_up", true));
    }
}
