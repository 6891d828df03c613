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
