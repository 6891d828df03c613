//! What the simulated Arista EOS prints, and what its configuration means for the network.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::grammar::{INVALID, print};
use super::{PRIVILEGED, refused, said};
use crate::adapters::device::simulated::facts::{Bgp, Interface};
use crate::adapters::device::simulated::network::{Fate, SessionState, Source, World};
use crate::adapters::device::simulated::store::{Answer, DeviceState, Progress, SESSIONS_PENDING_MAX};
use crate::adapters::device::simulated::tree::{Node, unified_diff};

const VERSION: &str = "4.32.0F";

/// Who looks, and from where.
pub(super) struct View<'a> {
    pub(super) privileged: bool,
    pub(super) session: Option<&'a str>,
    pub(super) user: &'a str,
}

pub(super) fn hostname(tree: &Node) -> &str {
    tree.value("hostname").unwrap_or("localhost")
}

pub(super) fn greeting(device: &DeviceState) -> String {
    let tree = device.running();
    let motd = tree.child("banner motd").and_then(|node| node.children.first()).map(|text| format!("{}\n", text.text));
    let time = device.clock.now().strftime("%a %b %e %H:%M:%S %Y");
    format!("Last login: {time} from 127.0.0.1\n{}", motd.unwrap_or_default())
}

fn with_header(command: &str, second: &str, tree: &Node, padding_bytes: usize) -> String {
    let mut text = format!(
        "! Command: {command}\n{second}! device: {} (vEOS-lab, EOS-{VERSION})\n!\n! boot system flash:/vEOS-lab.swi\n!\n{}!\n",
        hostname(tree),
        print(tree)
    );
    let full = text.len() + padding_bytes;
    for line in 0.. {
        if text.len() >= full {
            break;
        }
        text.push_str(&format!("alias padding-{line:07} show interfaces status connected\n"));
    }
    text.push_str(if padding_bytes > 0 { "!\nend\n" } else { "end\n" });
    text
}

pub(super) fn running_config(device: &DeviceState) -> String {
    let padding_bytes = device.script().padding_bytes();
    with_header("show running-config", "", &device.running(), padding_bytes)
}

pub(super) fn startup_config(device: &DeviceState) -> String {
    let (tree, (time, user)) = {
        let store = device.store();
        (Arc::clone(&store.startup), store.saved.clone())
    };
    let time = time.strftime("%a %b %e %H:%M:%S %Y");
    let modified = format!("! Startup-config last modified at  {time} by {user}\n");
    with_header("show startup-config", &modified, &tree, 0)
}

/// Answers `show …`, perhaps through a pipe.
pub(super) fn show(device: &DeviceState, view: View<'_>, words: &[&str], pipe: Option<&str>) -> Answer {
    let json = pipe.is_some_and(|pipe| pipe == "json");
    let answer = match shown(device, &view, words, json) {
        Ok(text) => said(text),
        Err(answer) => return refused(answer),
    };
    match pipe {
        Some(pipe) if !json => filter(&answer.text, pipe).map_or_else(|| refused(INVALID), said),
        _ => answer,
    }
}

fn shown(device: &DeviceState, view: &View<'_>, words: &[&str], json: bool) -> Result<String, &'static str> {
    let is = |command: &str| super::means(words, command);
    let privileged = || if view.privileged { Ok(()) } else { Err(PRIVILEGED) };
    let pretty = |value: Value| format!("{value:#}\n");
    if is("version") {
        return Ok(if json { pretty(version_json(device)) } else { version(device) });
    }
    if is("hostname") {
        let tree = device.running();
        let name = hostname(&tree);
        let fqdn = tree.value("dns domain").map_or_else(|| name.to_owned(), |domain| format!("{name}.{domain}"));
        return Ok(if json {
            pretty(json!({"hostname": name, "fqdn": fqdn}))
        } else {
            format!("Hostname: {name}\nFQDN:     {fqdn}\n")
        });
    }
    if is("clock") {
        let time = device.clock.now().strftime("%a %b %e %H:%M:%S %Y");
        return Ok(format!("{time}\nTimezone: UTC\nClock source: local\n"));
    }
    if is("ip bgp summary") || is("bgp summary") {
        return Ok(if json { pretty(bgp_summary_json(device)) } else { bgp_summary(device) });
    }
    if let [first, second, rest @ ..] = words
        && super::means(&[first, second], "ip route")
        && rest.len() < 2
    {
        return ip_route(device, rest.first().copied());
    }
    if is("configuration sessions") || is("configuration sessions detail") {
        privileged()?;
        return Ok(if json { pretty(sessions_json(device)) } else { sessions(device, view.user) });
    }
    if is("running-config") || is("running-config all") {
        privileged()?;
        return Ok(running_config(device));
    }
    if is("startup-config") {
        privileged()?;
        return Ok(startup_config(device));
    }
    session_config(device, view, words)
}

fn session_config(device: &DeviceState, view: &View<'_>, words: &[&str]) -> Result<String, &'static str> {
    let Some((first, words)) = words.split_first() else { return Err("% Incomplete command") };
    if first.len() < 3 || !("session-config".starts_with(first) || "session-configuration".starts_with(first)) {
        return Err(INVALID);
    }
    let (name, diffs) = match words {
        [] => (view.session, false),
        ["diffs"] => (view.session, true),
        ["named", name] => (Some(*name), false),
        ["named", name, "diffs"] => (Some(*name), true),
        _ => return Err(INVALID),
    };
    let Some(name) = name else { return Err("% Not currently in a session") };
    let (running, candidate) = {
        let store = device.store();
        let session = store.sessions.get(name).ok_or("% Session does not exist")?;
        (Arc::clone(&store.running), Arc::clone(&session.candidate))
    };
    if !diffs {
        return Ok(with_header(&format!("show session-configuration named {name}"), "", &candidate, 0));
    }
    let diff = unified_diff(&print(&running), &print(&candidate));
    if diff.is_empty() {
        return Ok("\n".to_owned());
    }
    Ok(format!("--- system:/running-config\n+++ session:/{name}-session-config\n{diff}\n"))
}

/// Applies `include`, `exclude`, `begin`, `section`, `grep` or `no-more`.
fn filter(text: &str, pipe: &str) -> Option<String> {
    let (verb, pattern) = pipe.split_once(' ').unwrap_or((pipe, ""));
    if pattern.is_empty() {
        return (verb == "no-more").then(|| text.to_owned());
    }
    let pattern = regex::RegexBuilder::new(pattern.trim().trim_matches('"')).case_insensitive(true).build().ok()?;
    let pick =
        |want: bool| text.split_inclusive('\n').filter(|line| pattern.is_match(line) == want).collect::<String>();
    if "include".starts_with(verb) || verb == "grep" {
        return Some(pick(true));
    }
    if "exclude".starts_with(verb) {
        return Some(pick(false));
    }
    if "begin".starts_with(verb) {
        return Some(text.split_inclusive('\n').skip_while(|line| !pattern.is_match(line)).collect());
    }
    if "section".starts_with(verb) {
        let mut out = String::new();
        let mut inside = false;
        for line in text.split_inclusive('\n') {
            inside = if line.starts_with(' ') { inside || pattern.is_match(line) } else { pattern.is_match(line) };
            if inside {
                out.push_str(line);
            }
        }
        return Some(out);
    }
    None
}

fn uptime_s(device: &DeviceState) -> f64 {
    device.started.elapsed().as_secs_f64()
}

fn version(device: &DeviceState) -> String {
    let minutes = device.started.elapsed().as_secs() / 60;
    format!(
        "Arista vEOS-lab\nHardware version: \nSerial number: {serial}\nHardware MAC address: {mac}\nSystem MAC address: {mac}\n\n\
         Software image version: {VERSION}\nArchitecture: x86_64\nInternal build version: {VERSION}-36401836.4320F\n\
         Internal build ID: 00000000-0000-0000-0000-000000000000\nImage format version: 1.0\n\
         Image optimization: None\n\nKernel version: 5.10.165\n\n\
         Uptime: {hours} hours and {minutes} minutes\nTotal memory: 2006640 kB\nFree memory: 1208996 kB\n",
        serial = serial(device),
        mac = mac(device),
        hours = minutes / 60,
        minutes = minutes % 60
    )
}

fn version_json(device: &DeviceState) -> Value {
    json!({
        "mfgName": "Arista", "modelName": "vEOS-lab", "hardwareRevision": "", "serialNumber": serial(device),
        "systemMacAddress": mac(device), "hwMacAddress": mac(device), "version": VERSION,
        "architecture": "x86_64", "uptime": uptime_s(device), "memTotal": 2_006_640, "memFree": 1_208_996,
    })
}

fn digest(device: &DeviceState) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(device.spec.name.as_bytes()).to_vec()
}

fn serial(device: &DeviceState) -> String {
    digest(device)[..8].iter().map(|byte| format!("{byte:02X}")).collect()
}

fn mac(device: &DeviceState) -> String {
    let d = digest(device);
    format!("5254.{:02x}{:02x}.{:02x}{:02x}", d[0], d[1], d[2], d[3])
}

fn sessions(device: &DeviceState, user: &str) -> String {
    let store = device.store();
    let mut out = format!(
        "Maximum number of completed sessions: 1\nMaximum number of pending sessions: {SESSIONS_PENDING_MAX}\n\
         Merge on commit is disabled\nAutosave to startup-config on commit is disabled\n\n"
    );
    if let Some(timed) = &store.timed {
        let left = timed.deadline.saturating_duration_since(Instant::now()).as_secs();
        out.push_str(&format!("Session with pending commit timer: {}\n", timed.session));
        let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
        out.push_str(&format!("Time left until commit timer expiry: in {hours}:{minutes:02}:{seconds:02}\n\n"));
    }
    let width = store.sessions.keys().map(String::len).max().unwrap_or(4).max(4);
    let users = store.sessions.values().filter_map(|session| session.user.as_deref());
    let user_width = users.chain([user]).map(str::len).max().unwrap_or(4).max(4);
    out.push_str(&format!(
        "  {:width$} State     {:user_width$} Terminal Completed Time      Committed By\n",
        "Name", "User"
    ));
    out.push_str(&format!(
        "- {:-<width$} --------- {:-<user_width$} -------- ------------------- ------------\n",
        "", ""
    ));
    for (name, session) in &store.sessions {
        let in_it = session.user.as_deref().unwrap_or("");
        let line = match &session.progress {
            Progress::Pending => {
                let terminal = if in_it.is_empty() { "" } else { "vty8" };
                format!("  {name:width$} pending   {in_it:user_width$} {terminal}")
            }
            Progress::Completed { at, by } => {
                let at = at.strftime("%Y-%m-%d %H:%M:%S");
                format!("  {name:width$} committed {:user_width$} {:8} {at} {by}", "", "")
            }
        };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn sessions_json(device: &DeviceState) -> Value {
    let store = device.store();
    let mut sessions = serde_json::Map::new();
    for (name, session) in &store.sessions {
        let state = match session.progress {
            Progress::Pending => "pending",
            Progress::Completed { .. } => "completed",
        };
        sessions.insert(name.clone(), json!({"state": state, "instances": {}}));
    }
    let mut value = json!({
        "maxSavedSessions": 1, "maxOpenSessions": SESSIONS_PENDING_MAX, "mergeOnCommit": false,
        "saveToStartupConfigOnCommit": false, "sessions": sessions,
    });
    if let (Some(timed), Some(fields)) = (&store.timed, value.as_object_mut()) {
        // Relative to the uptime, as EOS 4.32 prints it.
        let expires = timed.deadline.saturating_duration_since(device.started).as_secs_f64();
        fields.insert("commitTimerSessionName".to_owned(), json!(timed.session));
        fields.insert("commitTimerExpireTime".to_owned(), json!(expires));
    }
    value
}

fn world(device: &DeviceState) -> Arc<World> {
    device.network.upgrade().map(|network| network.world()).unwrap_or_default()
}

fn state_name(state: SessionState) -> (&'static str, &'static str) {
    match state {
        SessionState::Established { .. } => ("Estab", "Established"),
        SessionState::Active => ("Active", "Active"),
        SessionState::Idle => ("Idle", "Idle"),
        SessionState::Shut => ("Idle(Admin)", "Idle"),
    }
}

fn router_id(device: &DeviceState, bgp: &Bgp) -> Ipv4Addr {
    let (facts, _) = device.facts();
    let loopbacks = facts.interfaces.iter().filter(|interface| interface.name.starts_with("Loopback"));
    let highest = |interface: &Interface| interface.addresses.iter().map(Ipv4Net::addr).max();
    let automatic =
        || loopbacks.filter_map(highest).max().or_else(|| facts.interfaces.iter().filter_map(highest).max());
    bgp.router_id.or_else(automatic).unwrap_or(Ipv4Addr::UNSPECIFIED)
}

fn bgp_summary(device: &DeviceState) -> String {
    let world = world(device);
    let Some((bgp, states)) = world.bgp(&device.spec.name) else { return "% BGP inactive\n".to_owned() };
    let described = bgp.peers.iter().any(|peer| peer.description.is_some());
    let width = bgp.peers.iter().map(|peer| peer.address.to_string().len()).max().unwrap_or(8).max(8);
    let mut out = format!(
        "BGP summary information for VRF default\nRouter identifier {}, local AS number {}\n\
         Neighbor Status Codes: m - Under maintenance\n",
        router_id(device, bgp),
        bgp.asn
    );
    let first = if described { format!("  {:24} ", "Description") } else { "  ".to_owned() };
    out.push_str(&format!(
        "{first}{:width$} V AS           MsgRcvd   MsgSent  InQ OutQ  Up/Down State   PfxRcd PfxAcc\n",
        "Neighbor"
    ));
    for (peer, state) in bgp.peers.iter().zip(states) {
        let description: String = peer.description.as_deref().unwrap_or("").chars().take(24).collect();
        let first = if described { format!("  {description:24} ") } else { "  ".to_owned() };
        let asn = peer.remote_as.unwrap_or(0);
        let (messages, prefixes, since) = match state {
            SessionState::Established { since, received, accepted } => {
                let up = since.elapsed().as_secs();
                (up / 60 + 4, format!(" {received:<6} {accepted}"), up)
            }
            SessionState::Active | SessionState::Idle | SessionState::Shut => {
                (0, String::new(), uptime_s(device) as u64)
            }
        };
        let clock = format!("{:02}:{:02}:{:02}", since / 3600, since / 60 % 60, since % 60);
        let address = peer.address.to_string();
        let line = format!(
            "{first}{address:width$} 4 {asn:<10} {messages:>9} {messages:>9}    0    0 {clock} {:7}{prefixes}",
            state_name(*state).0
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn bgp_summary_json(device: &DeviceState) -> Value {
    let world = world(device);
    let Some((bgp, states)) = world.bgp(&device.spec.name) else { return json!({"vrfs": {}}) };
    let mut peers = serde_json::Map::new();
    for (peer, state) in bgp.peers.iter().zip(states) {
        let (received, accepted) = match state {
            SessionState::Established { received, accepted, .. } => (*received, *accepted),
            SessionState::Active | SessionState::Idle | SessionState::Shut => (0, 0),
        };
        let mut fields = json!({
            "version": 4, "asn": peer.remote_as.unwrap_or(0).to_string(), "peerState": state_name(*state).1,
            "prefixReceived": received, "prefixAccepted": accepted, "underMaintenance": false,
        });
        if let (Some(description), Some(fields)) = (&peer.description, fields.as_object_mut()) {
            fields.insert("description".to_owned(), json!(description));
        }
        peers.insert(peer.address.to_string(), fields);
    }
    let vrf = json!({"vrf": "default", "routerId": router_id(device, bgp), "asn": bgp.asn.to_string(), "peers": peers});
    json!({"vrfs": {"default": vrf}})
}

fn ip_route(device: &DeviceState, wanted: Option<&str>) -> Result<String, &'static str> {
    let world = world(device);
    let target: Option<Ipv4Net> = match wanted {
        None => None,
        Some(text) => Some(text.parse().or_else(|_| text.parse::<Ipv4Addr>().map(Ipv4Net::from)).map_err(|_| INVALID)?),
    };
    let mut out = "\nVRF: default\nCodes: C - connected, S - static, O - OSPF, B I - iBGP, B E - eBGP\n\n".to_owned();
    let routes: Vec<_> = world.routes(&device.spec.name).into_iter().flatten().collect();
    let longest = |net: &Ipv4Net| {
        let covering = routes.iter().filter(|(prefix, _)| prefix.contains(net)).map(|(prefix, _)| **prefix);
        covering.max_by_key(Ipv4Net::prefix_len)
    };
    let only = target.as_ref().map(longest);
    for (prefix, route) in &routes {
        if only.is_some_and(|only| only != Some(**prefix)) {
            continue;
        }
        let (code, metric) = match route.source {
            Source::Connected => ("C   ", String::new()),
            Source::Static => ("S   ", " [1/0]".to_owned()),
            Source::Ospf => ("O   ", " [110/20]".to_owned()),
            Source::External => ("B E ", " [200/0]".to_owned()),
            Source::Internal => ("B I ", " [200/0]".to_owned()),
        };
        let via = match (route.source, route.via) {
            (_, Some(via)) => format!(" via {via}"),
            (Source::Connected, None) => " is directly connected".to_owned(),
            (_, None) => " is directly connected, Null0".to_owned(),
        };
        out.push_str(&format!(" {code}     {prefix}{metric}{via}\n"));
    }
    Ok(out)
}

/// Answers `ping A.B.C.D [source A.B.C.D|INTERFACE] [repeat N]`.
pub(super) fn ping(device: &DeviceState, words: &[&str]) -> Answer {
    let words = if words.first() == Some(&"ip") { &words[1..] } else { words };
    let Some(Ok(target)) = words.first().map(|word| word.parse::<Ipv4Addr>()) else { return refused(INVALID) };
    let (mut from, mut repeat) = (None, 5);
    for option in words[1..].chunks(2) {
        match option {
            ["source", source] => match source_address(device, source) {
                Some(address) => from = Some(address),
                None => return refused(INVALID),
            },
            ["repeat", count] => match count.parse() {
                Ok(count @ 1..=1000) => repeat = count,
                _ => return refused(INVALID),
            },
            _ => return refused(INVALID),
        }
    }
    said(pinged(&world(device), &device.spec.name, target, (from, repeat)))
}

fn source_address(device: &DeviceState, source: &str) -> Option<Ipv4Addr> {
    let (facts, _) = device.facts();
    let name = super::table::interface_name(source);
    let own = |interface: &&Interface| match source.parse::<Ipv4Addr>() {
        Ok(address) => interface.addresses.iter().any(|net| net.addr() == address),
        Err(_) => Some(&interface.name) == name.as_ref(),
    };
    let interface = facts.interfaces.iter().find(own)?;
    source.parse().ok().or_else(|| interface.addresses.first().map(Ipv4Net::addr))
}

fn pinged(world: &World, name: &str, target: Ipv4Addr, (from, repeat): (Option<Ipv4Addr>, u32)) -> String {
    let (from, fate) = world.ping(name, target, from);
    let Some(from) = from.filter(|_| fate != Fate::NoRoute) else {
        return "connect: Network is unreachable\n".to_owned();
    };
    let mut out = format!("PING {target} ({target}) from {from} : 72(100) bytes of data.\n");
    let waited = 10 * (repeat - 1);
    let Fate::Answered { hops } = fate else {
        out.push_str(&format!("\n--- {target} ping statistics ---\n{repeat} packets transmitted, 0 received, 100% packet loss, time {waited}ms\n\n"));
        return out;
    };
    let ttl = 65 - hops.clamp(1, 64);
    for sequence in 1..=repeat {
        out.push_str(&format!("80 bytes from {target}: icmp_seq={sequence} ttl={ttl} time=1.{sequence:02} ms\n"));
    }
    out.push_str(&format!(
        "\n--- {target} ping statistics ---\n{repeat} packets transmitted, {repeat} received, 0% packet loss, time {waited}ms\n\
         rtt min/avg/max/mdev = 1.010/1.030/1.050/0.014 ms, ipg/ewma 10.000/1.020 ms\n"
    ));
    out
}
