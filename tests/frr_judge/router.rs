//! Throw-away routers: started from a file, read, typed at line by line, reloaded with FRR's own tool.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use reconverge::domain::config::command::SendLine;
use reconverge::domain::platform::session::{Patterns, Session};

/// Where the routers live.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    folder: PathBuf,
}

/// One router that can be started again and again.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    lab: Lab,
    name: String,
}

/// What a router did not take of a file.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The numbers of the lines, from 1.
    pub(crate) lines: Vec<usize>,
    /// Whether a daemon ended.
    pub(crate) has_crashed: bool,
    /// What vtysh said.
    pub(crate) words: String,
}

impl Lab {
    /// Returns the lab of `make test`; nothing, after saying so, when real counterparts are not asked for.
    pub(crate) fn take() -> Option<Self> {
        if !crate::support::real_counterparts() {
            return None;
        }
        let folder = std::env::var("RECONVERGE_FRR_JUDGE")
            .expect("RECONVERGE_LAB=1 without RECONVERGE_FRR_JUDGE: use `make test`");
        std::fs::create_dir_all(&folder).expect("the folder of the judge can be made");
        std::fs::write(Path::new(&folder).join(".reconverge-lab"), "").expect("the folder can be written");
        Some(Self { folder: folder.into() })
    }

    /// Returns the router of this name; it runs only after `start`.
    pub(crate) fn router(&self, name: String) -> Router {
        Router { lab: self.clone(), name }
    }

    /// Keeps texts about a pair that missed, for a person.
    pub(crate) fn keep(&self, name: &str, texts: &[(&str, &str)]) {
        let folder = self.folder.join("misses").join(name.replace('>', "-there").replace('<', "-back"));
        std::fs::create_dir_all(&folder).expect("the folder of the judge can be written");
        for (file, text) in texts {
            std::fs::write(folder.join(file), text).expect("the folder of the judge can be written");
        }
    }
}

impl Router {
    fn script(&self, script: &str, arguments: &[&str]) -> Command {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab").join(script);
        let mut command = Command::new("bash");
        command.arg(path).args(arguments).env("LAB_DIR", &self.lab.folder).env_remove("LAB_PREFIX");
        command
    }

    fn file(&self, what: &str, text: &str) -> PathBuf {
        let path = self.lab.folder.join(format!("{}.{what}", self.name));
        std::fs::write(&path, text).expect("the folder of the judge can be written");
        path
    }

    /// Starts a new router and reads the file into it; the error is what vtysh refused.
    pub(crate) fn start(&self, config: &str, with_peer: bool) -> Result<(), Refused> {
        let path = self.file("conf", config);
        let mut command = self.script("frr-blank.sh", &["start", &self.name, path.to_str().expect("an ASCII path")]);
        if with_peer {
            command.env("LAB_PEER", "1");
        }
        let output = command.stdin(Stdio::null()).output().expect("bash can be run");
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.code() != Some(1), "router {} did not start: {words}", self.name);
        let number = |line: &str| line.strip_prefix("line ")?.split_once(':')?.0.parse::<usize>().ok();
        let lines: Vec<usize> = words.lines().filter_map(number).collect();
        let has_crashed = words.contains("closing connection to");
        // what several lines of one transaction are refused for has no line number
        let is_whole =
            output.status.success() && lines.is_empty() && !has_crashed && !words.contains("Configuration failed");
        if is_whole { Ok(()) } else { Err(Refused { lines, has_crashed, words }) }
    }

    /// Runs a command inside.
    pub(crate) fn exec(&self, command: &[&str]) -> Output {
        let arguments = [&[self.name.as_str(), "--"], command].concat();
        self.script("frr-exec.sh", &arguments).stdin(Stdio::null()).output().expect("bash can be run")
    }

    /// Returns what `show running-config` prints.
    pub(crate) fn running(&self) -> String {
        let output = self.exec(&["vtysh", "-c", "show running-config"]);
        crate::support::successful("show running-config", &output)
    }

    /// Types commands in configuration mode, one by one, and returns what the router complained about.
    pub(crate) fn type_lines(&self, lines: &[SendLine], session: &Session) -> Vec<String> {
        let mut typed = String::from("configure terminal\n");
        for line in lines {
            assert!(!line.text.contains(['?', '\t']), "the generator makes no line that needs quoting: {}", line.text);
            typed.push_str(&line.text);
            typed.push('\n');
        }
        typed.push_str("end\nexit\n");
        let mut command =
            self.script("frr-exec.sh", &[&self.name, "--", "env", "COLUMNS=4000", "vtysh", "-H", "/dev/null"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash can be run");
        let mut input = child.stdin.take().expect("it is piped");
        let writer = std::thread::spawn(move || input.write_all(typed.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("vtysh reads everything");
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        complaints(&words.replace('\r', ""), lines, session)
    }

    /// Runs FRR's own tool once towards a file; the text is what it printed.
    pub(crate) fn reload(&self, config: &str) -> String {
        let path = self.file("target", config);
        let command = "cat > /var/tmp/target && exec /usr/lib/frr/frr-reload.py --reload /var/tmp/target";
        let mut command = self.script("frr-exec.sh", &[&self.name, "--", "sh", "-c", command]);
        let output =
            command.stdin(std::fs::File::open(path).expect("it was just written")).output().expect("bash can be run");
        format!(
            "{}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }

    /// Stops it.
    pub(crate) fn stop(&self) {
        let _ = self.script("frr-blank.sh", &["stop", &self.name]).status();
    }
}

/// Reads the dialogue of vtysh: every line that is neither a prompt with its echo nor tolerated is a complaint, as in the driver,
/// and so is a line that is typed in another section than the one it belongs to.
fn complaints(words: &str, lines: &[SendLine], session: &Session) -> Vec<String> {
    let tolerated = Patterns::new("tolerated", &session.configuration.tolerated).expect("the page is good");
    let mut found = Vec::new();
    let mut at = None;
    let mut typed = 0;
    for line in words.lines() {
        let prompt = line
            .strip_prefix("r1")
            .and_then(|rest| rest.split_once("# ").or_else(|| rest.strip_suffix('#').map(|p| (p, ""))));
        match prompt {
            Some((mode, _)) if mode.starts_with("(config") => {
                let is_top = mode == "(config)";
                if let Some(line) = lines.get(typed) {
                    if is_top != (line.depth == 0) {
                        found.push(format!("`{}` is typed at {mode}", line.text));
                    }
                    at = Some(line.text.as_str());
                    typed += 1;
                } else {
                    at = None;
                }
            }
            Some(_) => at = None,
            None => {
                if let Some(command) = at.filter(|_| !line.trim().is_empty() && !tolerated.fits(line)) {
                    found.push(format!("`{command}`: {}", line.trim()));
                }
            }
        }
    }
    if typed != lines.len() {
        found.push(format!("{typed} of {} lines were echoed", lines.len()));
    }
    found
}
