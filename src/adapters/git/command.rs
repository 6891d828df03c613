//! Runs the `git` program hermetically: no settings of the user or the system, no question, bounded time and output.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::error::{GitError, GitProblem};
use super::source::Source;
use crate::domain::limits::{GIT_LISTING_BYTES_MAX, GIT_LOCAL_TIMEOUT_S, GIT_NETWORK_TIMEOUT_S};
use crate::domain::secret::Secret;

/// Most bytes of git's messages that are kept; the rest is read and dropped.
const STDERR_BYTES_MAX: usize = 64 << 10;
/// How long git may clean up after it was asked to end.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// What an operator may set for the whole service: proxies, certificate authorities, scratch space.
const INHERITED: &[&str] = &[
    "PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "http_proxy", "https_proxy", "HTTPS_PROXY",
    "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
];
/// Settings of every call. `protocol.ext` would run a program that an address names.
const SETTINGS: &[(&str, &str)] = &[
    ("protocol.ext.allow", "never"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.askPass", ""),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("merge.renames", "true"),
    ("log.showSignature", "false"),
];

/// Where git runs and with which environment.
#[derive(Clone)]
pub(super) struct Git {
    program: PathBuf,
    folder: PathBuf,
    environment: Vec<(OsString, OsString)>,
    secret: Option<Secret>,
    /// What messages call the repository.
    name: String,
}

/// One call of git. Arguments are fixed words and checked values; nothing from outside may begin with `-`.
pub(super) struct Call<'a> {
    /// For messages: `fetching`, `reading the tree of 0123…`.
    pub(super) doing: &'a str,
    pub(super) arguments: &'a [&'a str],
    pub(super) input: Option<Vec<u8>>,
    pub(super) stdout_bytes_max: usize,
    pub(super) timeout: Duration,
}

impl<'a> Call<'a> {
    /// A call that works on local objects and prints a listing.
    pub(super) fn local(doing: &'a str, arguments: &'a [&'a str]) -> Self {
        let timeout = Duration::from_secs(GIT_LOCAL_TIMEOUT_S);
        Self { doing, arguments, input: None, stdout_bytes_max: GIT_LISTING_BYTES_MAX, timeout }
    }

    /// A call that talks to a server.
    pub(super) fn network(doing: &'a str, arguments: &'a [&'a str]) -> Self {
        Self { timeout: Duration::from_secs(GIT_NETWORK_TIMEOUT_S), ..Self::local(doing, arguments) }
    }
}

/// What a finished call left behind.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Git {
    /// Git on the bare repository in `folder`, which is never searched for elsewhere.
    pub(super) fn bare(program: &Path, folder: &Path, name: &str) -> Self {
        let mut git = Self::work_tree(program, folder, name);
        git.environment.push(("GIT_DIR".into(), folder.into()));
        git
    }

    /// Git in a folder that may belong to a work tree.
    pub(super) fn work_tree(program: &Path, folder: &Path, name: &str) -> Self {
        let mut environment: Vec<(OsString, OsString)> =
            INHERITED.iter().filter_map(|&name| Some((name.into(), std::env::var_os(name)?))).collect();
        for (name, value) in [
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ALLOW_PROTOCOL", "file:https:http:ssh"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_AUTHOR_NAME", "reconverge"),
            ("GIT_AUTHOR_EMAIL", "reconverge@localhost"),
            ("GIT_COMMITTER_NAME", "reconverge"),
            ("GIT_COMMITTER_EMAIL", "reconverge@localhost"),
            // No `.netrc` and no `.config/git` of the user.
            ("HOME", "/dev/null"),
        ] {
            environment.push((name.into(), value.into()));
        }
        let mut git = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            environment,
            secret: None,
            name: name.to_owned(),
        };
        git.set(SETTINGS.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect());
        git
    }

    /// The same with the login of a source.
    pub(super) fn with_login(&self, source: &Source) -> Self {
        let mut git = self.clone();
        let fixed = SETTINGS.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        git.set(fixed.chain(source.settings().iter().cloned()).collect());
        git.environment.extend(source.environment().iter().map(|(name, value)| (name.into(), value.into())));
        git.secret = source.secret().cloned();
        git
    }

    /// Passes settings in the environment (git-config(1), GIT_CONFIG_COUNT), where no process list shows them.
    fn set(&mut self, settings: Vec<(String, String)>) {
        self.environment.retain(|(name, _)| !name.to_string_lossy().starts_with("GIT_CONFIG_COUNT"));
        self.environment.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()));
        for (index, (key, value)) in settings.into_iter().enumerate() {
            self.environment.push((format!("GIT_CONFIG_KEY_{index}").into(), key.into()));
            self.environment.push((format!("GIT_CONFIG_VALUE_{index}").into(), value.into()));
        }
    }

    /// Runs git and returns what it printed, or git's own words when it failed.
    ///
    /// # Errors
    /// With what git said, a timeout, or a tripped limit.
    pub(super) async fn output(&self, call: Call<'_>) -> Result<Vec<u8>, GitError> {
        let doing = self.doing(call.doing);
        let output = self.run(call).await?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failure(&doing, &output)) }
    }

    /// Runs git and returns its one line of output.
    ///
    /// # Errors
    /// As [`Self::output`].
    pub(super) async fn line(&self, call: Call<'_>) -> Result<String, GitError> {
        let bytes = self.output(call).await?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// Makes an error from a finished call.
    pub(super) fn failure(&self, doing: &str, output: &Output) -> GitError {
        let mut error = GitError::of_stderr(doing, &output.stderr, self.secret.as_ref());
        if output.stderr.trim().is_empty() {
            error.message = format!("{doing}: git ended with {}", output.status);
        }
        error
    }

    /// Returns how messages about a step of this repository begin.
    pub(super) fn doing(&self, step: &str) -> String {
        format!("repository {}: {step}", self.name)
    }

    /// Runs git to its end, whatever its exit code is.
    ///
    /// # Errors
    /// When git is missing, is too slow, or prints too much.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<Output, GitError> {
        let doing = self.doing(call.doing);
        let mut child = self.spawn(&call).map_err(|error| self.spawn_failed(&doing, &error))?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let (seconds, bytes_max) = (call.timeout, call.stdout_bytes_max);
        let Ok(result) = tokio::time::timeout(seconds, talk(&mut child, call)).await else {
            group.signal(Signal::TERM);
            let _ = tokio::time::timeout(END_TIMEOUT, child.wait()).await;
            group.signal(Signal::KILL);
            group.disarm();
            let message = format!("{doing}: git did not finish within {} s", seconds.as_secs());
            return Err(GitError::retry(GitProblem::Timeout, message, "check the server, or its size if it is slow"));
        };
        let (output, overflow) = result.map_err(|error| GitError::io(&doing, &error))?;
        group.disarm();
        if overflow {
            let message = format!("{doing}: git printed more than {bytes_max} bytes");
            return Err(GitError::give_up(GitProblem::Limit, message, "make the repository smaller"));
        }
        Ok(output)
    }

    fn spawn(&self, call: &Call<'_>) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(call.arguments).env_clear().current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if call.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own group, so that ssh and the HTTP client end with it.
        command.process_group(0).kill_on_drop(true).spawn()
    }

    fn spawn_failed(&self, doing: &str, error: &std::io::Error) -> GitError {
        if error.kind() == std::io::ErrorKind::NotFound && self.folder.is_dir() {
            let message = format!("{doing}: the program {:?} was not found", self.program);
            return GitError::give_up(
                GitProblem::Missing,
                message,
                "install git 2.38 or newer (package `git`) and openssh-client for ssh:// addresses, and check PATH",
            );
        }
        GitError::io(doing, error)
    }
}

/// The process group of a running git; ends it when the caller goes away.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may have ended meanwhile, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Feeds and reads a child at the same time, then waits for it; also tells whether it printed too much.
async fn talk(child: &mut Child, call: Call<'_>) -> std::io::Result<(Output, bool)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, call.input) {
            // A child that does not want all of it says why in its exit code.
            let _ = stdin.write_all(&input).await;
        }
    };
    let (_, stdout, stderr) = tokio::join!(feed, read_some(stdout, call.stdout_bytes_max), read_all(stderr));
    let ((stdout, overflow), stderr) = (stdout?, stderr?);
    let status = child.wait().await?;
    Ok((Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }, overflow))
}

/// Reads up to a bound and then hangs up, which ends the writer.
async fn read_some(pipe: Option<impl AsyncRead + Unpin>, bytes_max: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes_max as u64 + 1).read_to_end(&mut bytes).await?;
    }
    let overflow = bytes.len() > bytes_max;
    Ok((bytes, overflow))
}

/// Reads to the end and keeps the beginning.
async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    if let Some(mut pipe) = pipe {
        loop {
            let count = pipe.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            kept.extend_from_slice(&buffer[..count.min(STDERR_BYTES_MAX - kept.len())]);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_program_is_named_with_what_to_install() {
        let git = Git::work_tree(Path::new("/nowhere/git"), Path::new("/"), "x");
        let error = git.output(Call::local("asking", &["version"])).await.unwrap_err();
        assert_eq!(error.problem, GitProblem::Missing);
        assert!(error.hint.unwrap().contains("install git 2.38"));
    }

    #[tokio::test]
    async fn time_and_output_are_bounded() {
        let shell = Git::work_tree(Path::new("/bin/sh"), Path::new("/"), "x");
        let slow = Call { timeout: Duration::from_millis(50), ..Call::local("sleeping", &["-c", "sleep 60 | cat"]) };
        assert_eq!(shell.output(slow).await.unwrap_err().problem, GitProblem::Timeout);
        let loud = Call { stdout_bytes_max: 10, ..Call::local("shouting", &["-c", "yes"]) };
        assert_eq!(shell.output(loud).await.unwrap_err().problem, GitProblem::Limit);
    }

    #[tokio::test]
    async fn nothing_of_the_environment_leaks_in() {
        let shell = Git::work_tree(Path::new("/bin/sh"), Path::new("/"), "x");
        let text =
            shell.line(Call::local("printing", &["-c", "env | cut -d= -f1 | grep -c CARGO; true"])).await.unwrap();
        assert_eq!(text, "0");
    }
}
