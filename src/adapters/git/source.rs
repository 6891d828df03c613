//! Where a repository lies and how to log in there; no secret ever becomes part of an address or an argument.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{GitError, GitProblem};
use crate::domain::secret::Secret;

/// How to log in to a git server.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Local repositories and public servers.
    None,
    /// HTTP basic authentication with a token or a password.
    Token {
        /// The user name; forges accept any word beside a token, for example `git` or `oauth2`.
        user: String,
        /// The token.
        token: Secret,
    },
    /// SSH with a private key.
    Key {
        /// The private key file, without a passphrase, readable only by its owner.
        file: PathBuf,
        /// The host keys that are believed, as OpenSSH's `known_hosts`.
        known_hosts: PathBuf,
    },
}

/// A repository elsewhere: its address and the login for it.
#[derive(Clone)]
pub struct Source {
    url: String,
    /// Pairs of git settings and of environment variables that carry the login.
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    secret: Option<Secret>,
}

/// Shows the address only: the environment holds the token.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.url)
    }
}

/// The variable that the credential helper prints as the password.
const TOKEN_VARIABLE: &str = "RECONVERGE_GIT_TOKEN";
/// The variable that the credential helper prints as the user name.
const USER_VARIABLE: &str = "RECONVERGE_GIT_USER";
/// A git credential helper (gitcredentials(7)): its text may be seen by anybody, the values stay in its environment.
const CREDENTIAL_HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$RECONVERGE_GIT_USER" "$RECONVERGE_GIT_TOKEN"; }; f"#;

impl Source {
    /// Checks an address and the login for it.
    ///
    /// Addresses are a local path, `file://`, `http://`, `https://`, `ssh://` or `user@host:path`.
    ///
    /// # Errors
    /// With [`GitProblem::Settings`] when they do not fit together or could be misread by git or a shell.
    pub fn new(address: &str, credential: Credential) -> Result<Self, GitError> {
        if address.is_empty() || address.starts_with('-') || address.contains(char::is_control) {
            return Err(wrong(
                "the address of the repository is empty, starts with '-' or has control characters",
                ADDRESS,
            ));
        }
        match scheme(address) {
            Scheme::Http => Self::http(address, credential),
            Scheme::Ssh => Self::ssh(address, credential),
            Scheme::File => match credential {
                Credential::None => Self::local(address),
                Credential::Token { .. } | Credential::Key { .. } => {
                    Err(wrong(format!("repository {address}: a local repository takes no login"), "remove the login"))
                }
            },
            Scheme::Other(name) => Err(wrong(format!("addresses of the form {name}:// are not supported"), ADDRESS)),
        }
    }

    /// Returns the address, which never holds a secret.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    pub(super) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    fn local(address: &str) -> Result<Self, GitError> {
        let url = if address.starts_with("file://") {
            address.to_owned()
        } else {
            let path = std::path::absolute(address).map_err(|e| GitError::io(&format!("repository {address}"), &e))?;
            path.to_str().map(str::to_owned).ok_or_else(|| wrong("the path of the repository is not UTF-8", ADDRESS))?
        };
        Ok(Self { url, settings: Vec::new(), environment: Vec::new(), secret: None })
    }

    fn http(address: &str, credential: Credential) -> Result<Self, GitError> {
        let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || address.contains(['?', '#']) {
            // The address itself is left out of the message: it may hold the token.
            return Err(wrong(
                "the address of the repository holds a login or a query, which would be printed in messages",
                "write it as https://host/path and give the token as a secret reference",
            ));
        }
        let mut source = Self { url: address.to_owned(), settings: Vec::new(), environment: Vec::new(), secret: None };
        match credential {
            Credential::None => {}
            Credential::Token { user, token } => {
                if user.contains(char::is_control)
                    || token.expose().contains(char::is_control)
                    || token.expose().is_empty()
                {
                    return Err(wrong(
                        format!("repository {address}: the user or the token is empty or has control characters"),
                        "check the secret: it must be one line",
                    ));
                }
                // Bound to this server, so that no other one ever gets it.
                source
                    .settings
                    .push((format!("credential.{scheme}://{authority}.helper"), CREDENTIAL_HELPER.to_owned()));
                source.environment.push((USER_VARIABLE.to_owned(), user));
                source.environment.push((TOKEN_VARIABLE.to_owned(), token.expose().to_owned()));
                source.secret = Some(token);
            }
            Credential::Key { .. } => {
                return Err(wrong(
                    format!("repository {address}: HTTP takes a token, not a key"),
                    "give a token, or use ssh://",
                ));
            }
        }
        Ok(source)
    }

    fn ssh(address: &str, credential: Credential) -> Result<Self, GitError> {
        let Credential::Key { file, known_hosts } = credential else {
            return Err(wrong(
                format!("repository {}: SSH needs a key file and a known_hosts file", without_password(address)),
                "name both files in the settings of the repository",
            ));
        };
        let authority = address.strip_prefix("ssh://").unwrap_or(address).split('/').next().unwrap_or_default();
        let login = authority.rsplit_once('@').map_or("", |(login, _)| login);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if login.contains(':') || login.starts_with('-') || host.starts_with('-') {
            return Err(wrong("the SSH address of the repository holds a password or starts with '-'", ADDRESS));
        }
        let command = ssh_command(&quotable(&file)?, &quotable(&known_hosts)?);
        let environment =
            vec![("GIT_SSH_COMMAND".to_owned(), command), ("GIT_SSH_VARIANT".to_owned(), "ssh".to_owned())];
        Ok(Self { url: address.to_owned(), settings: Vec::new(), environment, secret: None })
    }
}

const ADDRESS: &str = "write a local path, file://, https://, ssh:// or user@host:path";

fn wrong(message: impl Into<String>, hint: &str) -> GitError {
    GitError::give_up(GitProblem::Settings, message, hint)
}

enum Scheme {
    File,
    Http,
    Ssh,
    Other(String),
}

/// Tells the kind of an address as git does (git-fetch(1), "GIT URLS").
fn scheme(address: &str) -> Scheme {
    if let Some((name, _)) = address.split_once("://") {
        return match name {
            "file" => Scheme::File,
            "http" | "https" => Scheme::Http,
            "ssh" => Scheme::Ssh,
            other => Scheme::Other(other.chars().take(20).collect()),
        };
    }
    match address.find(':') {
        Some(colon) if address[colon..].starts_with("::") => Scheme::Other(address[..colon].chars().take(20).collect()),
        Some(colon) if !address[..colon].contains('/') => Scheme::Ssh,
        Some(_) | None => Scheme::File,
    }
}

/// Returns an SSH address up to its host, without what may be a password.
fn without_password(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, host)| host)
}

/// Returns a path that neither the shell nor ssh's own option parser can misread inside quotes.
fn quotable(path: &Path) -> Result<String, GitError> {
    let path = std::path::absolute(path).map_err(|e| GitError::io("key file", &e))?;
    match path.to_str() {
        Some(text) if !text.contains(['"', '\'', '\\', '%', '$', '`']) && !text.contains(char::is_control) => {
            Ok(text.to_owned())
        }
        Some(_) | None => Err(wrong(
            format!("the path {} has quotes, '%', '$' or control characters", path.display()),
            "rename the key file or the known_hosts file",
        )),
    }
}

/// Builds what git runs through a shell: no agent, no user settings, no question, only the given key and host keys.
fn ssh_command(key: &str, known_hosts: &str) -> String {
    [
        "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes",
        "-o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o ClearAllForwardings=yes -o PermitLocalCommand=no",
        "-o ConnectTimeout=15 -o ServerAliveInterval=10 -o ServerAliveCountMax=3",
        &format!("-o 'IdentityFile=\"{key}\"' -o 'UserKnownHostsFile=\"{known_hosts}\"'"),
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Credential {
        Credential::Token { user: "git".into(), token: Secret::new("tok-123") }
    }

    #[test]
    fn addresses_that_could_be_misread_are_refused_without_being_printed() {
        for address in
            ["", "-x", "--upload-pack=id", "ext::sh -c id", "git://h/x", "https://tok-123@h/x", "https://h/x?t=tok-123"]
        {
            let error = Source::new(address, Credential::None).unwrap_err();
            assert_eq!(error.problem, GitProblem::Settings, "{address}");
            assert!(!error.message.contains("tok-123"), "{error}");
        }
        let key = || Credential::Key { file: "/k".into(), known_hosts: "/h".into() };
        for address in ["ssh://-oProxyCommand=id/x", "git:pw@h:x", "ssh://u@-h/x"] {
            assert!(Source::new(address, key()).is_err(), "{address}");
        }
        assert!(Source::new("git@h:x.git", Credential::None).is_err());
        assert!(Source::new("git@h:x.git", key()).is_ok());
        assert!(Source::new("/x", token()).is_err());
    }

    #[test]
    fn the_token_is_only_in_the_environment_and_bound_to_the_server() {
        let source = Source::new("https://h:8443/a/b.git", token()).unwrap();
        assert!(source.settings[0].0 == "credential.https://h:8443.helper" && !source.settings[0].1.contains("tok"));
        assert!(!format!("{source:?}").contains("tok-123"));
        assert_eq!(source.environment[1].1, "tok-123");
    }
}
