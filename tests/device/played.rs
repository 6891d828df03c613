//! A device that behaves as its page says: candidate, timers and errors; what lines mean comes from the dialect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reconverge::domain::config::tree::ConfigTree;
use reconverge::domain::platform::Platform;
use reconverge::domain::platform::session::{CandidateRules, Immediate, SessionPage, TimerFirst, Transaction};

use super::scripted::{Character, Play};

/// Where one session is.
#[derive(Clone, Default)]
struct Seat {
    is_configuring: bool,
    path: Vec<String>,
    candidate: ConfigTree,
    loading: Option<String>,
    /// What was committed last from here; the candidate holds nothing new.
    is_committed: bool,
}

/// A change that goes away by itself.
pub(crate) struct Timed {
    deadline: Instant,
    before: ConfigTree,
    owner: String,
    user: String,
    session: usize,
}

/// What a session dies of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Death {
    /// Before the line acts.
    Before,
    /// After the line acted.
    After,
}

pub(crate) struct Device {
    platform: Platform,
    page: SessionPage,
    pub(crate) running: ConfigTree,
    pub(crate) startup: ConfigTree,
    pub(crate) timed: Option<Timed>,
    copies: BTreeMap<String, ConfigTree>,
    seats: BTreeMap<usize, Seat>,
    pub(crate) log: Vec<String>,
    /// The session dies at this line, counted from now.
    pub(crate) dies_at: Option<(usize, Death)>,
    pub(crate) is_capable: bool,
}

/// One device for all sessions.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Device>>);

/// The words of a line that fits a command of the page.
fn fits(template: &str, line: &str) -> Option<Vec<String>> {
    let mut source = regex::escape(template);
    for name in ["minutes", "seconds"] {
        source = source.replace(&format!("\\{{{name}\\}}"), r"(\d+)");
    }
    for name in ["name", "label"] {
        source = source.replace(&format!("\\{{{name}\\}}"), "(.*?)");
    }
    let found = regex::Regex::new(&format!("^{source}$")).unwrap().captures(line)?;
    Some(found.iter().skip(1).flatten().map(|group| group.as_str().to_owned()).collect())
}

fn any(templates: &[String], line: &str) -> bool {
    templates.iter().any(|template| fits(template, line).is_some())
}

/// Reading a page takes a moment, and many devices use the same one.
pub(crate) fn built_in(name: &'static str) -> Platform {
    static READ: Mutex<BTreeMap<&str, Platform>> = Mutex::new(BTreeMap::new());
    READ.lock().unwrap().entry(name).or_insert_with(|| Platform::built_in(name).unwrap()).clone()
}

impl Device {
    pub(crate) fn new(platform: &'static str, running: &str) -> Self {
        let platform = built_in(platform);
        let page = platform.session().unwrap();
        let running = platform.dialect.parse(running);
        Self {
            startup: running.clone(),
            running,
            platform,
            page,
            timed: None,
            copies: BTreeMap::new(),
            seats: BTreeMap::new(),
            log: Vec::new(),
            dies_at: None,
            is_capable: true,
        }
    }

    pub(crate) fn text(&self) -> String {
        self.platform.dialect.print(&self.running)
    }

    /// Starts a timed change of somebody else.
    pub(crate) fn start_foreign(&mut self) {
        let before = self.running.clone();
        let deadline = Instant::now() + Duration::from_secs(600);
        self.timed = Some(Timed { deadline, before, owner: "theirs".into(), user: "eve".into(), session: 0 });
    }

    /// Lets the time run out.
    pub(crate) fn expire(&mut self) {
        if let Some(timed) = self.timed.take() {
            self.running = timed.before;
        }
    }

    fn name(&self) -> &str {
        &self.platform.page.name
    }

    fn prompt(&self, session: usize) -> String {
        let seat = &self.seats[&session];
        let last = seat.path.last().map_or(String::new(), |line| line.split_whitespace().last().unwrap().to_owned());
        let is_in = seat.is_configuring || !seat.path.is_empty();
        match (self.name(), is_in, seat.path.is_empty()) {
            ("juniper_junos", false, _) => "{master}\r\nops@r1> ".into(),
            ("juniper_junos", true, _) => "{master}[edit]\r\nops@r1# ".into(),
            ("vyos", false, _) => "ops@r1:~$ ".into(),
            ("vyos", true, _) => "[edit]\r\nops@r1# ".into(),
            ("nokia_srlinux", false, _) => "--{ running }--[  ]--\r\nA:r1# ".into(),
            ("nokia_srlinux", true, _) => "--{ * candidate exclusive }--[  ]--\r\nA:r1# ".into(),
            ("nokia_sros", false, _) => "\r\n[/]\r\nA:ops@r1# ".into(),
            ("nokia_sros", true, _) => "\r\n*(ex)[/]\r\nA:ops@r1# ".into(),
            ("huawei_vrp" | "hpe_comware", false, _) => "<r-1>".into(),
            ("huawei_vrp" | "hpe_comware", true, true) => "[r-1]".into(),
            ("huawei_vrp" | "hpe_comware", true, false) => format!("[r-1-{last}]"),
            ("fortinet_fortios", _, true) => "r1 # ".into(),
            ("fortinet_fortios", _, false) => format!("r1 ({last}) # "),
            ("mikrotik_routeros", ..) if self.timed.is_some() => "[ops@r1] <SAFE>> ".into(),
            ("mikrotik_routeros", ..) => "[ops@r1] > ".into(),
            ("paloalto_panos", false, _) => "ops@r1> ".into(),
            ("paloalto_panos", true, _) => "[edit]\r\nops@r1# ".into(),
            ("cumulus_nvue", ..) => "ops@r1:mgmt:~$ ".into(),
            ("extreme_exos", ..) => format!("* r1.{} # ", self.log.len()),
            (name, true, empty) => {
                let host = if name == "cisco_iosxr" { "RP/0/RP0/CPU0:r1" } else { "r1" };
                let section = if empty {
                    "config".to_owned()
                } else {
                    format!("config-{}", "if-".repeat(seat.path.len() - 1) + "if")
                };
                format!("{host}({section})#")
            }
            ("cisco_iosxr", false, _) => "RP/0/RP0/CPU0:r1#".into(),
            (_, false, _) => "r1#".into(),
        }
    }

    fn error(&self) -> String {
        match self.name() {
            "juniper_junos" => "                  ^\r\nsyntax error.\r\n",
            "vyos" => "Set failed\r\n",
            "nokia_sros" => "MINOR: MGMT_CORE #2201: Unknown element\r\n",
            "nokia_srlinux" => "Error: Unknown token\r\n",
            "huawei_vrp" | "hpe_comware" => "Error: Unrecognized command found at '^' position.\r\n",
            "fortinet_fortios" => "command parse error before 'x'\r\nCommand fail. Return code -61\r\n",
            "mikrotik_routeros" => "bad command name x (line 1 column 1)\r\n",
            "aruba_aoscx" | "hpe_procurve" => "Invalid input: x\r\n",
            "paloalto_panos" => "Invalid syntax.\r\n",
            "cisco_asa" => "ERROR: % Invalid input detected\r\n",
            "extreme_exos" => "%% Invalid input detected at '^' marker.\r\n",
            "cumulus_nvue" => "Error: not a valid key\r\n",
            _ => "% Invalid input detected at '^' marker.\r\n",
        }
        .to_owned()
    }

    fn answer(&mut self, session: usize, line: &str) -> String {
        if self.timed.as_ref().is_some_and(|timed| Instant::now() >= timed.deadline) {
            self.expire();
        }
        if let Some(text) = &mut self.seats.get_mut(&session).unwrap().loading {
            if line != "\u{4}" {
                text.push_str(&format!("{line}\n"));
                return "\0".into();
            }
            let text = self.seats.get_mut(&session).unwrap().loading.take().unwrap();
            return self.load(session, &text);
        }
        let transaction = self.page.transaction.clone();
        let said = match &transaction {
            Transaction::Candidate(rules) => self.candidate(session, line, rules),
            Transaction::TimerFirst(rules) => self.timer_first(session, line, rules),
            Transaction::Immediate(rules) => self.immediate(line, rules),
            _ => None,
        };
        if let Some(said) = said {
            return said;
        }
        self.common(session, line)
    }

    fn common(&mut self, session: usize, line: &str) -> String {
        let configuration = self.page.session.configuration.clone();
        let is_operational = !self.seats[&session].is_configuring;
        let seat = self.seats.get_mut(&session).unwrap();
        if line == self.page.session.running.command {
            let end = match self.name() {
                "huawei_vrp" => "return\r\n",
                "cisco_asa" => ": end\r\n",
                "cisco_iosxe" | "cisco_iosxr" => "end\r\n",
                _ => "",
            };
            return format!("{}{end}", self.text().replace('\n', "\r\n"));
        }
        if self.page.session.save.as_ref().is_some_and(|save| save.command == line) {
            self.startup = self.running.clone();
            return "[OK] Copy complete, saved successfully\r\n".into();
        }
        if line.is_empty() || any(&self.page.session.open, line) {
            return String::new();
        }
        if line == configuration.enter && is_operational {
            *seat = Seat { is_configuring: true, candidate: self.running.clone(), ..Seat::default() };
            return String::new();
        }
        if line == configuration.leave && !is_operational {
            *seat = Seat::default();
            return String::new();
        }
        if is_operational && !configuration.enter.is_empty() {
            return self.error();
        }
        self.typed(session, line)
    }

    /// A line of configuration.
    fn typed(&mut self, session: usize, line: &str) -> String {
        let configuration = self.page.session.configuration.clone();
        if line.contains("frobnicate") {
            return self.error();
        }
        let seat = self.seats.get_mut(&session).unwrap();
        if configuration.section_ends.iter().any(|end| end == line) && !seat.path.is_empty() {
            seat.path.pop();
            return String::new();
        }
        let is_candidate =
            matches!(&self.page.transaction, Transaction::Candidate(rules) if self.is_capable || !rules.else_lines);
        let dialect = &self.platform.dialect;
        let mut text = String::new();
        for (depth, section) in seat.path.iter().chain([&line.to_owned()]).enumerate() {
            text.push_str(&format!("{}{section}\n", "  ".repeat(depth)));
        }
        let commands = dialect.parse_commands(&text);
        if is_candidate {
            seat.candidate = dialect.predict(&seat.candidate, &commands);
        } else {
            self.running = dialect.predict(&self.running, &commands);
        }
        let opens = ["interface ", "router ", "config ", "edit "].iter().any(|word| line.starts_with(word));
        if opens && !configuration.absolute {
            seat.path.push(line.to_owned());
        }
        String::new()
    }

    fn load(&mut self, session: usize, text: &str) -> String {
        if text.contains("frobnicate") {
            return "terminal:2:(5) syntax error: frobnicate\r\nload complete (1 errors)\r\n".into();
        }
        let commands = self.platform.dialect.parse_commands(text);
        let seat = self.seats.get_mut(&session).unwrap();
        seat.candidate = self.platform.dialect.predict(&seat.candidate, &commands);
        "load complete\r\n".into()
    }

    fn start(&mut self, session: usize, seconds: u64, owner: String) {
        let before = self.running.clone();
        let deadline = Instant::now() + Duration::from_secs(seconds);
        self.timed = Some(Timed { deadline, before, owner, user: "ops".into(), session });
    }

    fn seconds(words: &[String], template: &str) -> u64 {
        let number = words.iter().find_map(|word| word.parse::<u64>().ok()).unwrap_or(600);
        if template.contains("{minutes}") { number * 60 } else { number }
    }

    fn pending_text(&self) -> String {
        match (&self.timed, self.name()) {
            (Some(timed), "juniper_junos") => format!(
                "0   2026-11-21 07:00:00 UTC by ops via cli commit confirmed, rollback in 2mins\r\n    {}\r\n1   2026-11-20 07:00:00 UTC by ops via cli\r\n",
                timed.owner
            ),
            (None, "juniper_junos") => "0   2026-11-21 07:00:00 UTC by ops via cli\r\n".into(),
            (Some(timed), "cisco_iosxe") => {
                format!(
                    "Time configured(or reconfigured): 22:50:48 UTC\r\nTimer type: absolute timer\r\nTimer value: 2 min\r\nUser: {}\r\n",
                    timed.user
                )
            }
            (None, "cisco_iosxe") => "%No Rollback Confirmed Change pending\r\n".into(),
            (Some(_), "cisco_iosxr") => "Session  Line  User\r\nClient: commit-confirm\r\n".into(),
            (Some(_), "cumulus_nvue") => "time remaining 2 minutes\r\n".into(),
            _ => "none\r\n".into(),
        }
    }

    fn probe_text(&self) -> String {
        match (self.is_capable, self.name()) {
            (true, "cisco_iosxe") => "The maximum archive configurations allowed is 10.\r\nThere are currently 1 archive configurations saved.\r\n".into(),
            (false, "cisco_iosxe") => "Archive feature not enabled\r\n".into(),
            (true, "hpe_comware") => "HPE Comware Software, Version 7.1.070\r\n".into(),
            (true, "vyos") => "set system config-management commit-confirm action 'reload'\r\n".into(),
            (true, "huawei_vrp") => "No. CommitId\r\n".into(),
            (true, "fortinet_fortios") => "    set cfg-save revert\r\n".into(),
            _ => String::new(),
        }
    }

    fn candidate(&mut self, session: usize, line: &str, rules: &CandidateRules) -> Option<String> {
        let is_in = self.seats[&session].is_configuring || rules.enter.is_empty();
        if rules.probe.as_ref().is_some_and(|probe| probe.command == line) {
            return Some(self.probe_text());
        }
        if rules.pending.as_ref().is_some_and(|pending| pending.command == line) {
            return Some(self.pending_text());
        }
        if !self.is_capable && rules.else_lines {
            return None;
        }
        if rules.enter.first().is_some_and(|enter| enter == line) && !is_in {
            let is_locked = self.seats.iter().any(|(other, seat)| *other != session && seat.is_configuring);
            if is_locked
                && self.timed.as_ref().is_none_or(|timed| timed.session != session)
                && rules.enter[0].contains("exclusive")
            {
                return Some("error: configuration database locked by eve\r\n% Error\r\n".into());
            }
            let candidate = self.running.clone();
            *self.seats.get_mut(&session).unwrap() = Seat { is_configuring: true, candidate, ..Seat::default() };
            return Some(String::new());
        }
        if let Some(said) = self.commits(session, line, rules) {
            return Some(said);
        }
        if !is_in {
            return None;
        }
        if rules.load.as_ref().is_some_and(|load| load.command == line) {
            self.seats.get_mut(&session).unwrap().loading = Some(String::new());
            return Some("[Type ^D at a new line to end input]\r\n\0".into());
        }
        if line == "rollback 0" {
            self.seats.get_mut(&session).unwrap().candidate = self.running.clone();
            return Some("load complete\r\n".into());
        }
        if line == "rollback 1" {
            if let Some(timed) = &self.timed {
                self.seats.get_mut(&session).unwrap().candidate = timed.before.clone();
            }
            return Some("load complete\r\n".into());
        }
        if rules.diff.as_deref() == Some(line) {
            let dialect = &self.platform.dialect;
            return Some(dialect.text_diff(&self.running, &self.seats[&session].candidate).replace('\n', "\r\n"));
        }
        if rules.check.as_deref() == Some(line) {
            return Some("configuration check succeeds\r\n".into());
        }
        let leaves = rules.discard.last().is_some_and(|last| last == line)
            || rules.leave.last().is_some_and(|last| last == line);
        if leaves {
            if rules.enter.is_empty() {
                self.seats.get_mut(&session).unwrap().candidate = self.running.clone();
            } else {
                *self.seats.get_mut(&session).unwrap() = Seat::default();
            }
            // the end of the committing session takes its commit back
            if rules.session_bound && self.timed.as_ref().is_some_and(|timed| timed.session == session) {
                self.expire();
            }
            return Some(String::new());
        }
        any(&rules.discard, line).then(String::new).or_else(|| any(&rules.leave, line).then(String::new))
    }

    /// Commits, confirmations and what takes a commit back.
    fn commits(&mut self, session: usize, line: &str, rules: &CandidateRules) -> Option<String> {
        let is_in = self.seats[&session].is_configuring || rules.enter.is_empty();
        if let Some(words) = rules.commit_timed.as_ref().filter(|_| is_in).and_then(|timed| fits(timed, line)) {
            let seconds = Self::seconds(&words, rules.commit_timed.as_ref().unwrap());
            self.start(session, seconds, words.join(" "));
            self.running = self.seats[&session].candidate.clone();
            self.seats.get_mut(&session).unwrap().is_committed = true;
            return Some("commit confirmed will be automatically rolled back\r\ncommit complete\r\n".into());
        }
        if line.ends_with("confirmed-accept")
            || line == "commit confirmed accept"
            || line == "confirm"
            || line.ends_with("--confirm-yes")
        {
            self.timed = None;
            return Some(String::new());
        }
        if line.ends_with("confirmed-reject")
            || line == "commit confirmed cancel"
            || line == "abort trial"
            || line.ends_with("--confirm-no")
        {
            self.expire();
            return Some(String::new());
        }
        if is_in && (fits(&rules.commit, line).is_some() || line == "commit") {
            if !self.seats[&session].is_committed {
                self.running = self.seats[&session].candidate.clone();
            }
            self.timed = None;
            return Some("commit complete\r\nConfiguration committed successfully\r\n".into());
        }
        None
    }

    fn timer_first(&mut self, session: usize, line: &str, rules: &TimerFirst) -> Option<String> {
        if rules.probe.as_ref().is_some_and(|probe| probe.command == line) {
            return Some(self.probe_text());
        }
        if rules.pending.as_ref().is_some_and(|pending| pending.command == line) {
            return Some(self.pending_text());
        }
        if line == "\u{18}" {
            if self.timed.take().is_none() {
                self.start(session, 1_000_000, "safe".into());
                return Some("[Safe Mode taken]\r\n".into());
            }
            return Some("[Safe Mode released]\r\n".into());
        }
        let arms = rules.arm.iter().find(|arm| arm.contains('{'));
        if let Some(words) = arms.and_then(|arm| fits(arm, line)) {
            self.start(session, Self::seconds(&words, arms.unwrap()), "ours".into());
            if rules.arm.len() == 1 && line.starts_with("configure") {
                let candidate = self.running.clone();
                *self.seats.get_mut(&session).unwrap() = Seat { is_configuring: true, candidate, ..Seat::default() };
            }
            return Some(String::new());
        }
        let confirms = rules
            .confirm
            .iter()
            .find(|word| word.contains("confirm") || word.contains("commit") || word.contains("save"));
        if confirms.is_some_and(|confirm| confirm == line) {
            self.timed = None;
            return Some(String::new());
        }
        if rules.revert.iter().any(|revert| revert == line) {
            self.expire();
            return Some(String::new());
        }
        None
    }

    fn immediate(&mut self, line: &str, rules: &Immediate) -> Option<String> {
        let name = |templates: &[String]| {
            templates.iter().find_map(|template| fits(template, line)).and_then(|words| words.first().cloned())
        };
        if let Some(name) = name(&rules.keep) {
            self.copies.insert(name, self.running.clone());
            return Some("Done\r\n".into());
        }
        if let Some(name) = name(&rules.restore) {
            let copy = self.copies.get(&name)?.clone();
            self.running = copy;
            return Some("Rollback completed successfully.\r\n".into());
        }
        if let Some(name) = name(&rules.forget) {
            self.copies.remove(&name);
            return Some(String::new());
        }
        None
    }
}

impl Character for Shared {
    fn greeting(&mut self) -> String {
        String::new()
    }

    fn line(&mut self, _: &str) -> Play {
        Play::Silence
    }

    fn greeting_of(&mut self, session: usize) -> String {
        let mut device = self.0.lock().unwrap();
        let candidate = device.running.clone();
        device.seats.insert(session, Seat { candidate, ..Seat::default() });
        format!("\r\nWelcome to # r1 > all\r\n\r\n{}", device.prompt(session))
    }

    fn line_of(&mut self, session: usize, line: &str) -> Play {
        let mut device = self.0.lock().unwrap();
        let line = line.trim_end();
        let death = match &mut device.dies_at {
            Some((0, death)) => Some(*death),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if death.is_some() {
            device.dies_at = None;
        }
        if death == Some(Death::Before) {
            return Play::Drop;
        }
        device.log.push(line.to_owned());
        let line = if line == "\u{4}" || line == "\u{18}" { line } else { line.trim() };
        let said = device.answer(session, line);
        if death.is_some() {
            return Play::Drop;
        }
        match said.strip_suffix('\0') {
            Some(said) => Play::Say(said.to_owned()),
            None => Play::Say(format!("{said}{}", device.prompt(session))),
        }
    }

    fn closed(&mut self, session: usize) {
        let Ok(mut device) = self.0.lock() else { return };
        device.seats.remove(&session);
        let is_bound = match &device.page.transaction {
            Transaction::Candidate(rules) => rules.session_bound,
            Transaction::TimerFirst(rules) => rules.session_bound,
            _ => false,
        };
        if is_bound && device.timed.as_ref().is_some_and(|timed| timed.session == session) {
            device.expire();
        }
    }
}
