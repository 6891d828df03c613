//! Valid FRR configurations as a person writes them: every area, many spellings, names that refer to each other.

mod bgp;
mod igp;
mod policy;
mod system;

use super::choices::Choices;

/// A configuration that grows line by line.
pub(crate) struct Text<'a> {
    /// Where the choices come from.
    pub(crate) choices: &'a Choices,
    lines: String,
}

impl Text<'_> {
    /// Adds a line at a depth.
    pub(crate) fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        self.lines.extend(std::iter::repeat_n(' ', depth));
        self.lines.push_str(text.as_ref());
        self.lines.push('\n');
    }

    /// Adds a line with a probability in percent; its name is the name of the choice.
    pub(crate) fn maybe(
        &mut self,
        depth: usize,
        name: &str,
        percent: u64,
        text: impl FnOnce(&Choices, &str) -> String,
    ) {
        if self.choices.chance(&format!("{name}?"), percent) {
            let text = text(self.choices, name);
            self.line(depth, text);
        }
    }

    /// Adds lines that stand there word for word or not at all.
    pub(crate) fn flags(&mut self, depth: usize, name: &str, percent: u64, lines: &[&str]) {
        for line in lines {
            if self.choices.chance(&format!("{name}/{line}"), percent) {
                self.line(depth, line);
            }
        }
    }
}

/// Picks a number from a list, as text.
pub(crate) fn some(choices: &Choices, name: &str, from: &[&str]) -> String {
    choices.pick(name, from).to_owned()
}

/// Returns the whole file that these choices mean.
pub(crate) fn config(choices: &Choices) -> String {
    let mut text = Text { choices, lines: String::new() };
    text.line(0, "frr version 8.4.4\nfrr defaults traditional\nhostname r1\nservice integrated-vtysh-config\n!");
    system::globals(&mut text);
    let mut parts: Vec<fn(&mut Text<'_>)> = vec![
        system::key_chains,
        system::static_routes,
        system::vrfs,
        system::interfaces,
        system::groups,
        bgp::instances,
        igp::ospf,
        igp::ospf6,
        igp::isis,
        policy::access_lists,
        policy::prefix_lists,
        policy::bgp_lists,
        policy::route_maps,
        system::bfd,
        system::line_vty,
    ];
    // people put their filters at the top or at the bottom
    if choices.chance("order/filters first", 30) {
        parts.rotate_left(9);
    }
    for part in parts {
        part(&mut text);
    }
    text.lines
}
