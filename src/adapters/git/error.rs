//! What went wrong with a git repository, told from git's own words and shaped by the caller's next move.

use crate::domain::secret::{MASK, Secret};

/// What the caller must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextMove {
    /// The same call may work later without anybody doing anything.
    Retry,
    /// Somebody has to change something first.
    GiveUp,
}

/// Why a git call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GitProblem {
    /// The `git` program is not installed.
    Missing,
    /// The `git` program is too old for this call.
    TooOld,
    /// The settings of the repository cannot be used as they are.
    Settings,
    /// The server did not accept the login, or the login may not do this.
    AuthFailed,
    /// The SSH host key is not the expected one.
    HostKey,
    /// The TLS certificate of the server is not trusted.
    Certificate,
    /// There is no such repository, branch or object.
    NotFound,
    /// The server sends us elsewhere.
    Redirected,
    /// No connection, or it ended.
    Unreachable,
    /// Nothing came within the deadline.
    Timeout,
    /// Another git process works on the same repository, or died while it did.
    Locked,
    /// A local repository belongs to another user.
    Ownership,
    /// A bound of the system tripped.
    Limit,
    /// Objects are missing or damaged.
    Corrupt,
    /// The file system said no.
    Io,
    /// git said something that is not known here.
    Other,
}

/// A git call that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct GitError {
    /// What the caller must do next.
    pub next: NextMove,
    /// What went wrong.
    pub problem: GitProblem,
    /// For people: names the repository and git's own words (secrets masked).
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl GitError {
    /// Makes an error that somebody has to solve.
    pub(super) fn give_up(problem: GitProblem, message: impl Into<String>, hint: &str) -> Self {
        Self { next: NextMove::GiveUp, problem, message: message.into(), hint: Some(hint.to_owned()) }
    }

    /// Makes an error that may go away by itself.
    pub(super) fn retry(problem: GitProblem, message: impl Into<String>, hint: &str) -> Self {
        Self { next: NextMove::Retry, ..Self::give_up(problem, message, hint) }
    }

    /// Makes an error of the file system.
    pub(super) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::give_up(GitProblem::Io, format!("{what}: {error}"), "check that the path exists and may be written")
    }

    /// Tells from git's own words what went wrong; `doing` names the repository and the step.
    pub(super) fn of_stderr(doing: &str, stderr: &str, secret: Option<&Secret>) -> Self {
        let (next, problem, hint) = classify(stderr);
        let words = for_people(stderr, secret);
        let message =
            if words.is_empty() { format!("{doing}: git failed without a word") } else { format!("{doing}: {words}") };
        Self { next, problem, message, hint: hint.map(str::to_owned) }
    }
}

type Sign = (&'static str, NextMove, GitProblem, &'static str);

/// git's and ssh's own texts in the C locale, first match wins; the most specific stand first.
const SIGNS: &[Sign] = {
    use GitProblem as P;
    use NextMove::{GiveUp, Retry};
    const HOST_KEY: &str =
        "check the server's key with its owner and put it into the known_hosts file of this repository";
    const LOGIN: &str = "check the token or key of this repository and that it may read (and, for notes, write) it";
    const ADDRESS: &str = "check the address of the repository; servers also say this when the login may not see it";
    const CONNECT: &str = "check the name, the port, the proxy settings and the firewall between here and the server";
    const ABSENT: &str = "the commit was never fetched, or was removed from the source";
    const CORRUPT: &str = "remove the mirror's folder in the state directory; the next fetch builds it again";
    &[
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", GiveUp, P::HostKey, HOST_KEY),
        ("Host key verification failed", GiveUp, P::HostKey, HOST_KEY),
        ("host key is known for", GiveUp, P::HostKey, HOST_KEY),
        ("Permission denied (", GiveUp, P::AuthFailed, LOGIN),
        (
            "UNPROTECTED PRIVATE KEY FILE",
            GiveUp,
            P::AuthFailed,
            "make the key file readable only by its owner: chmod 600",
        ),
        (
            "Load key \"",
            GiveUp,
            P::AuthFailed,
            "check that the key file is an OpenSSH private key without a passphrase",
        ),
        ("Authentication failed for", GiveUp, P::AuthFailed, LOGIN),
        ("could not read Username", GiveUp, P::AuthFailed, "the server wants a login: give this repository a token"),
        ("could not read Password", GiveUp, P::AuthFailed, LOGIN),
        ("returned error: 401", GiveUp, P::AuthFailed, LOGIN),
        ("returned error: 403", GiveUp, P::AuthFailed, LOGIN),
        ("returned error: 404", GiveUp, P::NotFound, ADDRESS),
        (
            "returned error: 30",
            GiveUp,
            P::Redirected,
            "write the address that the server redirects to; logins are not sent elsewhere",
        ),
        ("update url base from redirection", GiveUp, P::Redirected, "write the address that the server redirects to"),
        (
            "SSL certificate problem",
            GiveUp,
            P::Certificate,
            "add the authority to SSL_CERT_FILE, or renew the certificate",
        ),
        (
            "server certificate verification failed",
            GiveUp,
            P::Certificate,
            "add the authority to SSL_CERT_FILE, or renew the certificate",
        ),
        (
            "dubious ownership",
            GiveUp,
            P::Ownership,
            "run the service as the user who owns the repository, or change its owner",
        ),
        ("unable to access", Retry, P::Unreachable, CONNECT),
        ("Could not resolve host", Retry, P::Unreachable, CONNECT),
        ("Connection refused", Retry, P::Unreachable, CONNECT),
        ("Connection timed out", Retry, P::Unreachable, CONNECT),
        ("Connection closed by", Retry, P::Unreachable, CONNECT),
        ("No route to host", Retry, P::Unreachable, CONNECT),
        ("Network is unreachable", Retry, P::Unreachable, CONNECT),
        (".lock': File exists", Retry, P::Locked, "wait for the other git process; remove the lock file if none runs"),
        ("cannot lock ref", Retry, P::Locked, "another process moved the same ref; it is tried again"),
        ("No space left on device", GiveUp, P::Io, "free space in the state directory"),
        ("mismatched algorithms", GiveUp, P::Settings, "repositories with SHA-256 object ids cannot be mirrored yet"),
        ("does not appear to be a git repository", GiveUp, P::NotFound, ADDRESS),
        ("not found", GiveUp, P::NotFound, ADDRESS),
        ("does not exist", GiveUp, P::NotFound, ADDRESS),
        ("not a git repository", GiveUp, P::NotFound, ADDRESS),
        ("not our ref", Retry, P::NotFound, "the branch moved during the fetch; it is tried again"),
        ("Not a valid object name", GiveUp, P::NotFound, ABSENT),
        ("Not a valid commit name", GiveUp, P::NotFound, ABSENT),
        ("not something we can merge", GiveUp, P::NotFound, ABSENT),
        ("bad object", GiveUp, P::NotFound, ABSENT),
        ("Needed a single revision", GiveUp, P::NotFound, ABSENT),
        ("object corrupt", GiveUp, P::Corrupt, CORRUPT),
        ("is corrupt", GiveUp, P::Corrupt, CORRUPT),
        ("unable to read", GiveUp, P::Corrupt, CORRUPT),
        ("early EOF", Retry, P::Unreachable, CONNECT),
        ("Could not read from remote repository", Retry, P::Unreachable, CONNECT),
        ("remote end hung up", Retry, P::Unreachable, CONNECT),
    ]
};

fn classify(stderr: &str) -> (NextMove, GitProblem, Option<&'static str>) {
    SIGNS
        .iter()
        .find(|(sign, ..)| stderr.contains(sign))
        .map_or((NextMove::Retry, GitProblem::Other, None), |&(_, next, problem, hint)| (next, problem, Some(hint)))
}

/// Most characters of git's own words in one message.
const WORDS_CHARS_MAX: usize = 600;

/// Makes one printable line of git's words: no control characters (the server may send any), no secret.
fn for_people(stderr: &str, secret: Option<&Secret>) -> String {
    let mut text = stderr.to_owned();
    if let Some(secret) = secret.map(Secret::expose).filter(|value| !value.is_empty()) {
        text = text.replace(secret, MASK);
    }
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:") && !line.starts_with("@@"));
    let joined = lines.collect::<Vec<_>>().join("; ");
    let clean = joined.chars().map(|c| if c.is_control() || is_bidi(c) { '?' } else { c });
    clean.take(WORDS_CHARS_MAX).collect()
}

/// Tells whether a character can turn the reading direction of a line around (Unicode UAX 9).
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_clean_line_without_the_secret() {
        let secret = Secret::new("tok-123");
        let error = GitError::of_stderr(
            "fetching x",
            "remote: \u{1b}[31mhello tok-123\u{202e}\nfatal: Authentication failed for 'https://h/x'\n",
            Some(&secret),
        );
        assert_eq!(
            error.message,
            "fetching x: remote: ?[31mhello ********?; fatal: Authentication failed for 'https://h/x'"
        );
        assert_eq!((error.next, error.problem), (NextMove::GiveUp, GitProblem::AuthFailed));
    }

    #[test]
    fn unknown_words_are_tried_again() {
        let error = GitError::of_stderr("x", "fatal: the moon is full", None);
        assert_eq!((error.next, error.problem), (NextMove::Retry, GitProblem::Other));
    }
}
