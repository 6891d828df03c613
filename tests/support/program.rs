//! The built program: one command to its end, or a service that is stopped when the test ends.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest time that a command may take before the test fails.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// A call of the program with an environment that holds only PATH, HOME and what the test adds.
pub(crate) struct Program {
    command: Command,
    shown: String,
}

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// A program that goes on; it is killed when the value is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// `reconverge` with these arguments, in this folder; `HOME` is the folder too.
    pub(crate) fn reconverge(folder: &Path, arguments: &[&str]) -> Self {
        Self::new(Path::new(env!("CARGO_BIN_EXE_reconverge")), folder, arguments)
    }

    fn new(program: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { command, shown: format!("{} {}", program.display(), arguments.join(" ")) }
    }

    /// Adds a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end. Fails when it takes longer than two minutes.
    pub(crate) fn finish(mut self) -> Finished {
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.shown));
        let stdout = collect(child.stdout.take().expect("stdout is a pipe"));
        let stderr = collect(child.stderr.take().expect("stderr is a pipe"));
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("{} did not end within {COMMAND_TIMEOUT:?}", self.shown);
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Finished {
            code: status.code().unwrap_or(-1),
            stdout: stdout.join().expect("the reader does not panic"),
            stderr: stderr.join().expect("the reader does not panic"),
        }
    }

    /// Starts it and lets it run.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.shown));
        let (sender, lines) = channel();
        for pipe in [
            Box::new(child.stdout.take().expect("stdout is a pipe")) as Box<dyn Read + Send>,
            Box::new(child.stderr.take().expect("stderr is a pipe")),
        ] {
            let sender = sender.clone();
            std::thread::spawn(move || forward(pipe, &sender));
        }
        Running { child, lines, seen: Vec::new() }
    }
}

fn forward(pipe: impl Read, lines: &Sender<String>) {
    // Ends with the pipe, or when the test has no ears any more.
    let _ = BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| lines.send(line));
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Finished {
    /// Fails unless the command ended with this code, and shows what it printed.
    pub(crate) fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

impl Running {
    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of either output that contains the text, printed before or after the call, and returns it.
    pub(crate) fn wait_for(&mut self, text: &str, within: Duration) -> String {
        self.printed();
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line);
                    let last = self.seen.last().expect("a line was just added");
                    if last.contains(text) {
                        return last.clone();
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {text:?} within {within:?}; printed:\n{}", self.printed()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended without {text:?}; printed:\n{}", self.printed()),
            }
        }
    }

    /// Everything it printed until now, both outputs mixed.
    pub(crate) fn printed(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }

    /// Waits for its end and returns the exit code; -1 when a signal ended it.
    pub(crate) fn exit_code(&mut self, within: Duration) -> i32 {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < deadline, "it did not end within {within:?}; printed:\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as `kill -9` does, and waits for the end.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        let folder = std::env::temp_dir();
        Program::new(Path::new("/bin/sh"), &folder, &["-c", script])
    }

    #[test]
    fn a_finished_command_has_code_and_outputs() {
        let finished = shell("echo out; echo $WORD >&2; exit 3").env("WORD", "err").finish();
        finished.expect_code(3);
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    }

    #[test]
    fn a_running_command_is_read_and_killed() {
        let mut running = shell("echo first >&2; echo second >&2; echo ready; exec sleep 1000").start();
        assert_eq!(running.wait_for("ready", Duration::from_secs(5)), "ready");
        let process = format!("/proc/{}", running.id());
        assert!(Path::new(&process).exists());
        assert_eq!(running.wait_for("second", Duration::from_secs(5)), "second");
        assert!(running.printed().contains("first"));
        drop(running);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn the_environment_is_not_inherited() {
        assert_eq!(shell("echo ${CARGO_MANIFEST_DIR:-nothing}").finish().stdout, "nothing\n");
    }

    #[test]
    fn the_built_program_starts() {
        let folder = crate::support::folder();
        let finished = Program::reconverge(folder.path(), &["--version"]).finish();
        finished.expect_code(0);
    }
}
