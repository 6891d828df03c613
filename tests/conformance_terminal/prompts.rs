//! Which mode each prompt of scrapli's collection means.

use reconverge::domain::platform::session::Role;
use reconverge::domain::platform::terminal::{Seen, Terminal};

use super::{judge, page};
use crate::support::conformance;

/// The roles that a mode of theirs may have; without a configuration mode, sections open from the only mode there is.
fn roles(mode: &str, has_configuration: bool) -> &'static [Role] {
    match mode {
        "exec" if !has_configuration => &[Role::User, Role::Operational, Role::Section],
        "exec" => &[Role::User, Role::Operational],
        "privileged_exec" => &[Role::Operational],
        mode if mode.starts_with("configuration") => &[Role::Configuration, Role::Section],
        _ => &[Role::Other, Role::Operational],
    }
}

/// Returns the role of the mode that a prompt shows.
fn role(platform: &str, prompt: &str) -> Result<Role, String> {
    let page = page(platform).ok_or("no page for this platform")?;
    let mut terminal = Terminal::new(&page.session).map_err(|error| error.to_string())?;
    terminal.push(b"\r\nwelcome to # this > device\r\n");
    terminal.push(prompt.replace('\n', "\r\n").as_bytes());
    match terminal.seen() {
        Seen::Unlearnt(prompt) => Ok(prompt.role),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_prompt_is_recognised_as_its_mode() {
    let Some(folder) = conformance() else { return };
    let text = std::fs::read_to_string(folder.join("scrapli/prompts.jsonl")).unwrap();
    let (mut ours, mut misses, mut others) = (0, Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| case[name].as_str().unwrap_or_default();
        let (platform, mode, prompt) = (field("platform"), field("mode"), field("prompt"));
        let Some(page) = page(platform) else {
            others.push(platform.to_owned());
            continue;
        };
        let has_configuration = !page.session.configuration.enter.is_empty();
        ours += 1;
        // a configuration prompt that names a script interpreter is one, whatever the collection calls it
        let wanted = if prompt.contains("-tcl)") { "tclsh" } else { mode };
        let wanted = roles(wanted, has_configuration);
        match role(platform, prompt) {
            Ok(role) if wanted.contains(&role) => {}
            found => misses.push(format!("{platform} {mode} {prompt:?}: {found:?}")),
        }
    }
    others.dedup();
    crate::support::say(&format!("conformance: prompts of platforms without a page: {}", others.join(", ")));
    judge("prompts", ours, &misses, 95);
}

#[test]
fn prompts_of_our_own_are_recognised() {
    for (platform, prompt, wanted) in [
        ("arista_eos", "leaf1(s1)(config-s-rc_1-if-Et1)#", Role::Section),
        ("arista_eos", "[admin@leaf1 ~]$ ", Role::Other),
        ("cisco_asa", "fw/act/pri(config-if)# ", Role::Section),
        ("cisco_iosxr", "RP/0/RSP0/CPU0:pe-1.lab(config-bgp-nbr-af)#", Role::Section),
        ("cisco_iosxr", "sysadmin-vm:0_RP0# ", Role::Other),
        ("cisco_nxos", "n9k(maint-mode)(config)# ", Role::Configuration),
        ("hpe_comware", "\0<core-1.lab>", Role::Operational),
        ("huawei_vrp", "[*ce-1-100GE1/0/1]", Role::Configuration),
        ("juniper_junos", "{primary:node0}[edit]\nops@srx-1# ", Role::Configuration),
        ("juniper_junos", "root@:~ # ", Role::Other),
        ("nokia_sros", "*[ex:/configure router \"Base\"]\nA:ops@pe-1# ", Role::Configuration),
        ("nokia_sros", "[/show router \"Base\"]\nA:ops@pe-1# ", Role::Operational),
        (
            "nokia_srlinux",
            "--{ +* candidate private ops }--[ interface ethernet-1/1 ]--\nA:leaf1# ",
            Role::Configuration,
        ),
        ("nokia_srlinux", "[linuxadmin@leaf1 ~]$ ", Role::Other),
        ("vyos", "\u{1b}]0;vyos@r1\u{7}[edit]\nvyos@r1# ", Role::Configuration),
        ("extreme_exos", "* Slot-1 core.47 # ", Role::Operational),
        ("mikrotik_routeros", "[admin@office] <SAFE> /ip/address> ", Role::Operational),
        ("fortinet_fortios", "fw1 (global) # ", Role::Section),
        ("paloalto_panos", "admin@fw(active-primary)# ", Role::Configuration),
    ] {
        assert_eq!(role(platform, prompt), Ok(wanted), "{platform} {prompt:?}");
    }
}
