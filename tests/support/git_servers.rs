//! Real git servers, smart HTTP with a token and SSH with a key, described by the file RECONVERGE_GIT_LAB.

use std::path::PathBuf;

use serde::Deserialize;

use super::git::Repository;

/// The servers of `tests/lab/git-up.sh`. Several tests use them at once, each with a repository of its own.
#[derive(Deserialize)]
pub(crate) struct GitServers {
    repositories: PathBuf,
    /// HTTP with a token as password.
    pub(crate) http: Http,
    /// SSH with a key.
    pub(crate) ssh: Ssh,
}

/// How to reach the HTTP server.
#[derive(Deserialize)]
pub(crate) struct Http {
    url: String,
    /// The user name.
    pub(crate) user: String,
    /// The password.
    pub(crate) token: String,
}

/// How to reach the SSH server.
#[derive(Deserialize)]
pub(crate) struct Ssh {
    url: String,
    /// A file with the private key, without a passphrase.
    pub(crate) key: PathBuf,
    /// The host key as a line of a known-hosts file has it, without the host.
    pub(crate) host_key: String,
    /// Its fingerprint, `SHA256:…`.
    pub(crate) host_key_fingerprint: String,
    /// The port, for a known-hosts file.
    pub(crate) port: u16,
}

impl GitServers {
    /// Returns the servers; nothing, after saying so, when real counterparts are not asked for.
    pub(crate) fn take() -> Option<Self> {
        let description = super::lab_description("RECONVERGE_GIT_LAB")?;
        Some(serde_json::from_str(&description).expect("git.json has the fields of git-up.sh"))
    }

    /// Makes an empty bare repository on the servers that accepts pushes over both ways.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let repository = Repository::bare(&self.repositories.join(format!("{name}.git")));
        repository.git(&["config", "http.receivepack", "true"]);
        repository
    }
}

impl Http {
    /// Returns the URL of a repository, without credentials.
    pub(crate) fn repository_url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.url)
    }
}

impl Ssh {
    /// Returns the URL of a repository.
    pub(crate) fn repository_url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_wants_the_token() {
        let Some(servers) = GitServers::take() else { return };
        let (folder, served) = (crate::support::folder(), servers.repository("http-wants-the-token"));
        let work = Repository::new(folder.path());
        let head = work.commit("first");
        let url = servers.http.repository_url("http-wants-the-token");
        let refused = Repository::command(folder.path(), &["ls-remote", &url]).output().unwrap();
        assert!(!refused.status.success());
        let credentials = format!("http://{}:{}@", servers.http.user, servers.http.token);
        work.git(&["push", "--quiet", &url.replacen("http://", &credentials, 1), "main"]);
        assert_eq!(served.git(&["rev-parse", "main"]), head);
    }

    #[test]
    fn ssh_wants_the_key() {
        let Some(servers) = GitServers::take() else { return };
        let (folder, served) = (crate::support::folder(), servers.repository("ssh-wants-the-key"));
        let work = Repository::new(folder.path());
        let head = work.commit("first");
        let known_hosts = folder.path().join("known_hosts");
        std::fs::write(&known_hosts, format!("[127.0.0.1]:{} {}\n", servers.ssh.port, servers.ssh.host_key)).unwrap();
        assert!(servers.ssh.host_key_fingerprint.starts_with("SHA256:"));
        let url = servers.ssh.repository_url("ssh-wants-the-key");
        let push = |key: &str| {
            let ssh = format!("ssh -F none -o BatchMode=yes -o UserKnownHostsFile={} {key}", known_hosts.display());
            let mut command = Repository::command(folder.path(), &["push", "--quiet", &url, "main"]);
            command.env("GIT_SSH_COMMAND", ssh).output().unwrap().status.success()
        };
        assert!(!push("-o IdentityFile=none -o IdentitiesOnly=yes"));
        assert!(push(&format!("-i {}", servers.ssh.key.display())));
        assert_eq!(served.git(&["rev-parse", "main"]), head);
    }
}
