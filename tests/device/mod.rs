//! The driver against real and scripted devices over SSH.

mod dead_man;
mod eos;
mod frr;
mod frr_lab;
mod login;
mod pool;
mod scripted;
mod simulator;

use std::collections::BTreeMap;
use std::time::Duration;

use reconverge::adapters::device::{Access, Auth, Candidate, CommandLine, HostKey, Target};
use reconverge::domain::platform::session::SessionPage;

/// Where a device listens and how to log in.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) platform: &'static str,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) auth: Vec<Auth>,
    pub(crate) host_key: HostKey,
    pub(crate) options: BTreeMap<String, String>,
}

impl Door {
    pub(crate) fn target(&self) -> Target {
        Target {
            device: "r1".parse().expect("a name"),
            platform: self.platform.parse().expect("a name"),
            address: "127.0.0.1".into(),
            port: self.port,
            user: self.user.clone(),
            auth: self.auth.clone(),
            host_key: self.host_key.clone(),
            legacy_algorithms: false,
            connect_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(10),
            options: self.options.clone(),
            access: Access::default(),
        }
    }

    pub(crate) fn page(&self) -> SessionPage {
        SessionPage::built_in(self.platform).expect("it is built in").expect("it is valid")
    }
}

/// Indented lines as commands; a line with deeper lines below it enters a section.
pub(crate) fn commands(text: &str) -> Vec<CommandLine> {
    let lines: Vec<(u16, &str)> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| (u16::try_from(line.len() - line.trim_start().len()).expect("small"), line.trim()))
        .collect();
    let enters = |index: usize| lines.get(index + 1).is_some_and(|next| next.0 > lines[index].0);
    let line = |(index, (depth, text)): (usize, &(u16, &str))| CommandLine {
        text: (*text).to_owned(),
        depth: *depth,
        enters: enters(index),
    };
    lines.iter().enumerate().map(line).collect()
}

pub(crate) fn candidate(change: &str, base: &str, to: &str, undo: &str) -> Candidate {
    Candidate {
        change: change.into(),
        label: "reconverge test".into(),
        commands: commands(to),
        undo: commands(undo),
        base: base.into(),
        predicted: String::new(),
    }
}
