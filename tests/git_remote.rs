//! Logins of git servers: they work, they are told apart when they fail, and they never show.

use reconverge::adapters::clock::Clock;
use reconverge::adapters::git::{Credential, GitError, GitProblem, Mirror, NextMove, NotePush, Source};
use reconverge::domain::secret::Secret;

use crate::support::git_http;
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
