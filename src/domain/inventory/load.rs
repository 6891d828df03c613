//! From the files below `inventory/` to devices and groups, with every finding on its line.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{self, HostKeyPolicy, JumpHost, Logins, Transport};
use super::credentials::device_credentials;
pub use super::credentials::load as credentials;
use super::files::{DeviceDefaults, DeviceFile, GroupFile, ModeFile, TransportFile};
use super::{Credentials, Device, Group, Inventory, Mode};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::name::{DeviceName, GroupName, PlatformName};
use crate::domain::yaml::{Content, Mark, Node, suggest, typed};

/// The folder of the inventory.
pub const FOLDER: &str = "inventory/";
/// The folder of the groups.
pub const GROUPS_FOLDER: &str = "inventory/groups/";
/// RFC 6242 section 1.
const PORT_NETCONF: u16 = 830;
/// The credentials of devices that name none.
pub(super) const CREDENTIALS_DEFAULT: &str = "default";
/// The weight of groups that say none.
const WEIGHT_DEFAULT: i64 = 100;

/// What the inventory is checked against.
pub struct Known<'a> {
    /// The platforms that we have a page for.
    pub platforms: &'a BTreeSet<PlatformName>,
    /// The entries under `credentials` of `reconverge.yaml`.
    pub credentials: &'a BTreeMap<String, Credentials>,
    /// The entries under `jump_hosts` of `reconverge.yaml`.
    pub jump_hosts: &'a BTreeMap<String, JumpHost>,
    /// How many logins may go on at the same time.
    pub logins: Logins,
}

/// Reads the inventory. A device with a finding that makes it unusable is left out.
pub fn load(files: &BTreeMap<String, Node>, known: &Known<'_>, findings: &mut Vec<Diagnostic>) -> Inventory {
    let mut inventory = Inventory { devices: BTreeMap::new(), groups: groups(files, known, findings) };
    for (path, root) in files.range(FOLDER.to_owned()..).take_while(|(path, _)| path.starts_with(FOLDER)) {
        if path.starts_with(GROUPS_FOLDER) {
            continue;
        }
        for written in written_devices(root, findings) {
            if let Some(device) = device(&written, &inventory.groups, known, findings) {
                add(device, &mut inventory.devices, findings);
            }
        }
    }
    same_address(&inventory, findings);
    inventory
}

fn groups(
    files: &BTreeMap<String, Node>,
    known: &Known<'_>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<GroupName, Group> {
    let mut groups = BTreeMap::new();
    for (path, root) in files.range(GROUPS_FOLDER.to_owned()..).take_while(|(path, _)| path.starts_with(GROUPS_FOLDER))
    {
        let stem = path[GROUPS_FOLDER.len()..].trim_end_matches(".yaml").trim_end_matches(".yml");
        let name = match stem.parse::<GroupName>() {
            Ok(name) => name,
            Err(error) => {
                findings.push(Diagnostic::error(error.to_string()).at(path, 0, 0).hint("rename the file"));
                continue;
            }
        };
        let file = if root.is_null() { GroupFile::default() } else { typed::read(root, findings).unwrap_or_default() };
        let vars = root.get("vars").cloned().unwrap_or_else(|| Node::empty_map(path));
        let mut parents = BTreeSet::new();
        for (index, parent) in file.parents.iter().enumerate() {
            match parent.parse() {
                Ok(parent) => drop(parents.insert(parent)),
                Err(error) => findings.push(item_mark(root, "parents", index).on(bad_name(&error))),
            }
        }
        platform_known(file.defaults.platform.as_deref(), root.get("defaults"), known, findings);
        let weight = file.weight.unwrap_or(WEIGHT_DEFAULT);
        let mark = root.mark.clone();
        groups.insert(name.clone(), Group { name, parents, weight, vars, defaults: file.defaults, mark });
    }
    parents_known(&groups, files, findings);
    groups
}

fn parents_known(groups: &BTreeMap<GroupName, Group>, files: &BTreeMap<String, Node>, findings: &mut Vec<Diagnostic>) {
    for group in groups.values() {
        for parent in group.parents.iter().filter(|parent| !groups.contains_key(*parent)) {
            let mark =
                files.get(&*group.mark.file).and_then(|root| root.get("parents")).map_or(&group.mark, |n| &n.mark);
            findings.push(mark.on(unknown_group(parent.as_str(), groups)));
        }
        if depth(groups, &group.name, &mut Vec::new()).is_none() {
            let finding = Diagnostic::error(format!("the group {} is its own ancestor", group.name));
            findings.push(group.mark.on(finding.hint("remove one of the parents")));
        }
    }
}

/// Returns how many ancestors stand above a group, or nothing when they form a circle.
fn depth<'a>(
    groups: &'a BTreeMap<GroupName, Group>,
    name: &'a GroupName,
    path: &mut Vec<&'a GroupName>,
) -> Option<usize> {
    if path.contains(&name) || path.len() > 32 {
        return None;
    }
    path.push(name);
    let parents = groups.get(name).map(|g| g.parents.iter()).into_iter().flatten();
    let deepest = parents.map(|parent| depth(groups, parent, path).map(|d| d + 1)).collect::<Option<Vec<_>>>();
    path.pop();
    Some(deepest?.into_iter().max().unwrap_or(0))
}

/// Returns the groups and their ancestors, weakest first: by weight, then parents before children, then by name.
fn in_order(named: &BTreeSet<GroupName>, groups: &BTreeMap<GroupName, Group>) -> Vec<GroupName> {
    let mut all: BTreeSet<&GroupName> = BTreeSet::new();
    let mut open: Vec<&GroupName> = named.iter().collect();
    while let Some(name) = open.pop() {
        if let Some(group) = groups.get(name)
            && all.insert(name)
        {
            open.extend(&group.parents);
        }
    }
    let mut ordered: Vec<(i64, usize, &GroupName)> = all
        .into_iter()
        .filter_map(|name| Some((groups.get(name)?.weight, depth(groups, name, &mut Vec::new()).unwrap_or(0), name)))
        .collect();
    ordered.sort();
    ordered.into_iter().map(|(_, _, name)| name.clone()).collect()
}

/// A device as it stands in a file.
struct Written<'a> {
    name: DeviceName,
    mark: Mark,
    node: &'a Node,
    file: DeviceFile,
}

fn written_devices<'a>(root: &'a Node, findings: &mut Vec<Diagnostic>) -> Vec<Written<'a>> {
    let mut found = Vec::new();
    match &root.content {
        Content::Map(entries) => {
            for entry in entries {
                let name = entry.key.parse::<DeviceName>();
                let file = read_device(&entry.value, findings);
                match (name, file) {
                    (Ok(name), Some(file)) => {
                        if file.name.as_deref().is_some_and(|own| own != name.as_str()) {
                            let finding = Diagnostic::error(format!("the device {name} has another name inside"));
                            findings.push(entry.mark.on(finding.hint("remove the key \"name\"")));
                        }
                        found.push(Written { name, mark: entry.mark.clone(), node: &entry.value, file });
                    }
                    (Err(error), _) => findings.push(entry.mark.on(bad_name(&error))),
                    (Ok(_), None) => {}
                }
            }
        }
        Content::List(nodes) => {
            for node in nodes {
                let Some(file) = read_device(node, findings) else { continue };
                match file.name.as_deref().map(str::parse::<DeviceName>) {
                    Some(Ok(name)) => found.push(Written { name, mark: node.mark.clone(), node, file }),
                    Some(Err(error)) => findings.push(key_mark(node, "name").on(bad_name(&error))),
                    None => findings.push(node.mark.on(Diagnostic::error("a device without a name"))),
                }
            }
        }
        Content::Scalar(value) if value.is_null() => {}
        Content::Scalar(_) => {
            let finding =
                Diagnostic::error(format!("an inventory file is a map or a list of devices, not {}", root.kind()));
            findings.push(root.mark.on(finding));
        }
    }
    found
}

fn read_device(node: &Node, findings: &mut Vec<Diagnostic>) -> Option<DeviceFile> {
    if !matches!(node.content, Content::Map(_)) {
        let finding = Diagnostic::error(format!("a device is a map with platform and address, not {}", node.kind()));
        findings.push(node.mark.on(finding));
        return None;
    }
    typed::read(node, findings)
}

fn device(
    written: &Written<'_>,
    groups: &BTreeMap<GroupName, Group>,
    known: &Known<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Device> {
    let Written { name, mark, node, file } = written;
    let mut named = BTreeSet::new();
    for (index, group) in file.groups.iter().enumerate() {
        let at = item_mark(node, "groups", index);
        match group.parse::<GroupName>() {
            Ok(group) if groups.contains_key(&group) => drop(named.insert(group)),
            Ok(_) => findings.push(at.on(unknown_group(group, groups).on(name))),
            Err(error) => findings.push(at.on(bad_name(&error).on(name))),
        }
    }
    let ordered = in_order(&named, groups);
    let file = with_defaults(file, ordered.iter().rev().filter_map(|group| Some(&groups.get(group)?.defaults)));
    let mut wrong = |finding: Diagnostic, key: &str| findings.push(key_mark(node, key).on(finding.on(name)));
    let platform = match file.platform.as_deref() {
        Some(platform) => known_platform(platform, known).map_err(|finding| wrong(finding, "platform")).ok(),
        None => {
            let hint = format!("add platform: to the device or to a group; {}", known_list(known));
            findings.push(mark.on(Diagnostic::error(format!("the device {name} has no platform")).on(name).hint(hint)));
            None
        }
    };
    let mut wrong = |finding: Diagnostic, key: &str| findings.push(key_mark(node, key).on(finding.on(name)));
    let address = file.address.clone().unwrap_or_default();
    if address.is_empty() {
        wrong(
            Diagnostic::error(format!("the device {name} has no address")).hint("add address: and an address"),
            "address",
        );
    } else if !is_address(&address) {
        wrong(Diagnostic::error(format!("{address:?} is not an address or a host name")), "address");
    }
    if file.port == Some(0) {
        wrong(Diagnostic::error("the port 0 cannot be reached"), "port");
    }
    let host_key = HostKeyPolicy::parse(file.host_key.as_deref()).unwrap_or_else(|finding| {
        wrong(finding, "host_key");
        HostKeyPolicy::Ask
    });
    file.connection.check(&mut wrong);
    let via = access::via(file.via.as_deref().unwrap_or_default(), known.jump_hosts, &mut wrong);
    if file.connection.transport == Some(Transport::Telnet) && via.as_ref().is_some_and(Vec::is_empty) {
        let finding =
            Diagnostic::warning(format!("the device {name} is reached by Telnet, which sends its password in clear"));
        wrong(finding.hint("use SSH, or a jump host beside the device"), "connection");
    }
    let is_netconf = file.transport == Some(TransportFile::Netconf);
    let mut options = file.options.clone();
    if let Some(transport) = file.transport {
        options.insert("transport".into(), transport.word().into());
    }
    let mode = mode(&file, &mut wrong);
    let credentials = device_credentials(&file, known, &mut wrong);
    Some(Device {
        name: name.clone(),
        platform: platform?,
        address: Some(address).filter(|a| is_address(a))?,
        port: file.port.unwrap_or_else(|| if is_netconf { PORT_NETCONF } else { file.connection.port_default() }),
        credentials,
        host_key,
        via: via?,
        connection: file.connection,
        logins: known.logins,
        labels: file.labels,
        groups: ordered,
        options,
        suspended: file.suspended,
        mode,
        mark: mark.clone(),
    })
}

/// Fills in what the device does not say; the strongest group comes first.
fn with_defaults<'a>(file: &DeviceFile, defaults: impl Iterator<Item = &'a DeviceDefaults>) -> DeviceFile {
    let mut file = file.clone();
    for more in defaults {
        file.platform = file.platform.or_else(|| more.platform.clone());
        file.transport = file.transport.or(more.transport);
        file.port = file.port.or(more.port);
        file.user = file.user.or_else(|| more.user.clone());
        file.credentials = file.credentials.or_else(|| more.credentials.clone());
        file.host_key = file.host_key.or_else(|| more.host_key.clone());
        file.via = file.via.or_else(|| more.via.clone());
        file.connection.fill(&more.connection);
        if file.mode.is_none() && file.owned.is_none() {
            (file.mode, file.owned) = (more.mode, more.owned.clone());
        }
        for (key, value) in &more.labels {
            file.labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (key, value) in &more.options {
            file.options.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    file
}

fn mode(file: &DeviceFile, wrong: &mut impl FnMut(Diagnostic, &str)) -> Mode {
    match (file.mode, &file.owned) {
        (Some(ModeFile::Owned) | None, Some(sections)) if !sections.is_empty() => Mode::Owned(sections.clone()),
        (Some(ModeFile::Owned), _) => {
            wrong(Diagnostic::error("mode: owned needs the list owned: with at least one section"), "mode");
            Mode::Owned(Vec::new())
        }
        (Some(mode), Some(_)) => {
            let name = if mode == ModeFile::Merge { "merge" } else { "replace" };
            wrong(Diagnostic::error(format!("owned: has no meaning with mode: {name}")), "owned");
            Mode::default()
        }
        (Some(ModeFile::Merge), None) => Mode::Merge,
        (Some(ModeFile::Replace), None) => Mode::Replace,
        (None, Some(_)) => {
            wrong(Diagnostic::error("owned: needs at least one section"), "owned");
            Mode::Owned(Vec::new())
        }
        (None, None) => Mode::default(),
    }
}

fn add(device: Device, devices: &mut BTreeMap<DeviceName, Device>, findings: &mut Vec<Diagnostic>) {
    if let Some(first) = devices.get(&device.name) {
        let finding = Diagnostic::error(format!("the device {} is there twice", device.name)).on(&device.name);
        let hint = format!("the first one is in {}:{}", first.mark.file, first.mark.line);
        findings.push(device.mark.on(finding.hint(hint)));
        return;
    }
    devices.insert(device.name.clone(), device);
}

/// Two names for one door would get two intents for one device.
fn same_address(inventory: &Inventory, findings: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<_, &Device> = BTreeMap::new();
    for device in inventory.devices.values() {
        let address = match device.address.parse::<core::net::IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => device.address.to_ascii_lowercase(),
        };
        // private addresses may occur once behind each jump host
        let via: Vec<&str> = device.via.iter().map(|host| host.name.as_str()).collect();
        if let Some(first) = seen.insert((address, device.port, &device.options, via), device) {
            let finding = Diagnostic::error(format!(
                "{} and {} have the same address {} port {}",
                first.name, device.name, device.address, device.port
            ));
            let hint = format!("the other one is in {}:{}", first.mark.file, first.mark.line);
            findings.push(device.mark.on(finding.on(&device.name).hint(hint)));
        }
    }
}

fn platform_known(name: Option<&str>, node: Option<&Node>, known: &Known<'_>, findings: &mut Vec<Diagnostic>) {
    if let (Some(name), Some(node)) = (name, node)
        && let Err(finding) = known_platform(name, known)
    {
        findings.push(key_mark(node, "platform").on(finding));
    }
}

fn known_platform(text: &str, known: &Known<'_>) -> Result<PlatformName, Diagnostic> {
    let platform = text.parse::<PlatformName>().ok().filter(|name| known.platforms.contains(name));
    platform.ok_or_else(|| {
        let hint = suggest::hint(text, known.platforms.iter().map(PlatformName::as_str));
        Diagnostic::error(format!("the platform {text:?} is not known")).hint(hint)
    })
}

fn known_list(known: &Known<'_>) -> String {
    suggest::hint("", known.platforms.iter().map(PlatformName::as_str))
}

fn unknown_group(name: &str, groups: &BTreeMap<GroupName, Group>) -> Diagnostic {
    let hint = suggest::hint(name, groups.keys().map(GroupName::as_str));
    Diagnostic::error(format!("the group {name:?} is not known"))
        .hint(format!("{hint}; or add {GROUPS_FOLDER}{name}.yaml"))
}

fn bad_name(error: &crate::domain::name::NameError) -> Diagnostic {
    Diagnostic::error(error.to_string())
}

pub(super) fn is_address(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.parse::<core::net::IpAddr>().is_ok()
        || (!text.is_empty() && text.len() <= 253 && !text.starts_with(['-', '.']) && text.chars().all(is_name))
}

fn key_mark(node: &Node, key: &str) -> Mark {
    node.get(key).map_or_else(|| node.mark.clone(), |value| value.mark.clone())
}

fn item_mark(node: &Node, key: &str, index: usize) -> Mark {
    match node.get(key).map(|n| &n.content) {
        Some(Content::List(nodes)) => nodes.get(index).map(|n| n.mark.clone()),
        _ => None,
    }
    .unwrap_or_else(|| key_mark(node, key))
}
