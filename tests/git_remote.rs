//! Logins of git servers: they work, they are told apart when they fail, and they never show.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use reconverge::adapters::clock::Clock;
use reconverge::adapters::git::{Credential, GitError, GitProblem, Mirror, NextMove, NotePush, Source};
use reconverge::domain::secret::Secret;

use crate::support::git_http;
use crate::support::git_servers::GitServers;
use crate::support::repository::Repository;

const TOKEN: &str = "tok-5ecret%41&'\"$x";

async fn open(state: &tempfile::TempDir, url: &str, credential: Credential) -> Mirror {
    Mirror::open(state.path(), Source::new(url, credential).unwrap()).await.unwrap()
}

fn token(token: &str) -> Credential {
    Credential::Token { user: "bot".into(), token: Secret::new(token) }
}

fn assert_silent(error: &GitError) {
    for text in [format!("{error}"), format!("{error:?}")] {
        assert!(!text.contains("5ecret"), "{text}");
    }
}

#[tokio::test]
async fn a_token_opens_an_http_repository_and_is_never_seen() {
    let source = Repository::new();
    let commit = source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    source.git(&["config", "http.receivepack", "true"]);
    let server = git_http::serve(source.path(), "bot", TOKEN, None).await;
    let state = tempfile::tempdir().unwrap();
    let url = format!("{}/.git", server.url);
    let mirror = open(&state, &url, token(TOKEN)).await;
    mirror.fetch(Clock::System.now()).await.unwrap();
    let (snapshot, _) = mirror.snapshot(&commit, "main").await.unwrap();
    assert_eq!(snapshot.text("reconverge.yaml"), Some("a: 1\n"));
    assert_eq!(mirror.push_note(&commit, "plan").await.unwrap(), NotePush::Pushed);
    assert_eq!(source.git(&["notes", "--ref=reconverge", "show"]), "plan");
    source.git(&["config", "http.receivepack", "false"]);
    let refused = mirror.push_note(&commit, "another plan").await.unwrap();
    assert!(matches!(&refused, NotePush::Refused(_)), "{refused:?}");
    assert_eq!(server.seen.lock().unwrap().command_lines_with_token, Vec::<String>::new());
    assert!(server.seen.lock().unwrap().logins > 0);
    assert!(!format!("{mirror:?} {refused:?}").contains("5ecret"));
    // Nothing in the state directory holds it either.
    let found = std::process::Command::new("grep").args(["-rF", TOKEN]).arg(state.path()).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
}

#[tokio::test]
async fn wrong_and_missing_logins_are_told_apart_from_missing_repositories() {
    let source = Repository::new();
    source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    let server = git_http::serve(source.path(), "bot", TOKEN, None).await;
    let state = tempfile::tempdir().unwrap();
    let url = format!("{}/.git", server.url);
    for (url, credential, problem) in [
        (url.clone(), token("5ecret-wrong"), GitProblem::AuthFailed),
        (url.clone(), Credential::None, GitProblem::AuthFailed),
        (format!("{}/none.git", server.url), token(TOKEN), GitProblem::NotFound),
    ] {
        let mirror = open(&state, &url, credential).await;
        let error = mirror.fetch(Clock::System.now()).await.unwrap_err();
        assert_eq!((error.problem, error.next), (problem, NextMove::GiveUp), "{error}");
        assert!(error.message.contains(&url) && error.hint.is_some(), "{error}");
        assert_silent(&error);
    }
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_token_elsewhere() {
    let source = Repository::new();
    source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    let elsewhere = git_http::serve(source.path(), "bot", TOKEN, None).await;
    let target = format!("{}/.git/info/refs?service=git-upload-pack", elsewhere.url);
    let server = git_http::serve(source.path(), "bot", TOKEN, Some(target)).await;
    let state = tempfile::tempdir().unwrap();
    let mirror = open(&state, &format!("{}/.git", server.url), token(TOKEN)).await;
    let error = mirror.fetch(Clock::System.now()).await.unwrap_err();
    assert_eq!(error.problem, GitProblem::Redirected, "{error}");
    assert_eq!(elsewhere.seen.lock().unwrap().logins, 0);
    assert_silent(&error);
}

fn ssh_key(path: &Path) -> String {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success());
    std::fs::read_to_string(path.with_extension("pub")).unwrap()
}

#[tokio::test]
async fn a_key_opens_an_ssh_repository_and_only_known_hosts_are_believed() {
    let Some(servers) = GitServers::take() else { return };
    let (source, served) = (Repository::new(), servers.repository("mirror-over-ssh"));
    let commit = source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    source.git(&["push", "--quiet", served.folder().to_str().unwrap(), "main"]);
    let folder = tempfile::Builder::new().prefix("keys with space").tempdir().unwrap();
    let [good, bad, known, other, none] =
        ["good key", "bad key", "known hosts", "other", "none"].map(|name| folder.path().join(name));
    std::fs::copy(&servers.ssh.key, &good).unwrap();
    std::fs::set_permissions(&good, std::fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = ssh_key(&bad);
    std::fs::write(&known, format!("[127.0.0.1]:{} {}\n", servers.ssh.port, servers.ssh.host_key)).unwrap();
    std::fs::write(&other, format!("[127.0.0.1]:{} {wrong}", servers.ssh.port)).unwrap();
    std::fs::write(&none, "").unwrap();
    let state = tempfile::tempdir().unwrap();
    let url = servers.ssh.repository_url("mirror-over-ssh");
    for (key, hosts, problem) in [
        (&good, &other, GitProblem::HostKey),
        (&good, &none, GitProblem::HostKey),
        (&bad, &known, GitProblem::AuthFailed),
    ] {
        let mirror = open(&state, &url, Credential::Key { file: key.clone(), known_hosts: hosts.clone() }).await;
        let error = mirror.fetch(Clock::System.now()).await.unwrap_err();
        assert_eq!((error.problem, error.next), (problem, NextMove::GiveUp), "{error}");
        assert!(error.hint.is_some());
    }
    assert_eq!(std::fs::read_to_string(&none).unwrap(), "", "no key is ever learnt by itself");
    let credential = || Credential::Key { file: good.clone(), known_hosts: known.clone() };
    let mirror = open(&state, &url, credential()).await;
    mirror.fetch(Clock::System.now()).await.unwrap();
    assert_eq!(mirror.base("main").await.unwrap(), commit);
    assert_eq!(mirror.push_note(&commit, "plan").await.unwrap(), NotePush::Pushed);
    assert_eq!(served.git(&["notes", "--ref=reconverge", "show", "main"]), "plan");
    let absent = open(&state, &servers.ssh.repository_url("absent"), credential()).await;
    assert_eq!(absent.fetch(Clock::System.now()).await.unwrap_err().problem, GitProblem::NotFound);
}

#[tokio::test]
async fn a_token_opens_a_repository_of_a_real_web_server() {
    let Some(servers) = GitServers::take() else { return };
    let (source, served) = (Repository::new(), servers.repository("mirror-over-http"));
    let commit = source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    source.git(&["push", "--quiet", served.folder().to_str().unwrap(), "main"]);
    let state = tempfile::tempdir().unwrap();
    let url = servers.http.repository_url("mirror-over-http");
    let login = |token: &str| Credential::Token { user: servers.http.user.clone(), token: Secret::new(token) };
    let error = open(&state, &url, login("5ecret")).await.fetch(Clock::System.now()).await.unwrap_err();
    assert_eq!(error.problem, GitProblem::AuthFailed, "{error}");
    assert_silent(&error);
    let mirror = open(&state, &url, login(&servers.http.token)).await;
    mirror.fetch(Clock::System.now()).await.unwrap();
    assert_eq!(mirror.base("main").await.unwrap(), commit);
    assert_eq!(mirror.push_note(&commit, "plan").await.unwrap(), NotePush::Pushed);
    assert_eq!(served.git(&["notes", "--ref=reconverge", "show", "main"]), "plan");
}
