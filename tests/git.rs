//! The mirror reads commits as git holds them, and survives what strangers put into a repository.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use reconverge::adapters::clock::Clock;
use reconverge::adapters::git::{Credential, GitProblem, MergeResult, Mirror, NotePush, Source, snapshot_of_folder};
use reconverge::domain::diagnostic::Diagnostic;
use reconverge::domain::revision::ObjectId;

use crate::support::repository::Repository;

fn now() -> Timestamp {
    Clock::System.now()
}

async fn mirror(state: &tempfile::TempDir, url: &str) -> Mirror {
    let source = Source::new(url, Credential::None).unwrap();
    Mirror::open(state.path(), source).await.unwrap()
}

async fn fetched(repository: &Repository) -> (tempfile::TempDir, Mirror) {
    let state = tempfile::tempdir().unwrap();
    let mirror = mirror(&state, &repository.url()).await;
    mirror.fetch(now()).await.unwrap();
    (state, mirror)
}

fn texts(findings: &[Diagnostic]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn branches_come_and_go_with_the_source() {
    let source = Repository::new();
    let base = source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    source.git(&["branch", "change/a"]);
    source.git(&["update-ref", "refs/heads/-x", "HEAD"]);
    source.git(&["branch", "change/ünder-way;$(id)`id`"]);
    let (_state, mirror) = fetched(&source).await;
    let names: Vec<_> = mirror.branches().await.unwrap().into_keys().collect();
    assert_eq!(names, ["-x", "change/a", "change/ünder-way;$(id)`id`", "main"]);
    assert_eq!(mirror.base("-x").await.unwrap(), base);
    // A folder of branches becomes a branch and the other way round.
    source.git(&["branch", "-D", "change/a", "change/ünder-way;$(id)`id`"]);
    source.git(&["branch", "change"]);
    source.git(&["update-ref", "-d", "refs/heads/-x"]);
    mirror.fetch(now()).await.unwrap();
    assert_eq!(mirror.branches().await.unwrap().into_keys().collect::<Vec<_>>(), ["change", "main"]);
    for hostile in ["", "a b", "main\n--upload-pack=id", "--all", "../main", "refs/heads/main"] {
        let error = mirror.base(hostile).await.unwrap_err();
        assert_eq!(error.problem, GitProblem::NotFound, "{hostile:?}");
        assert!(error.hint.unwrap().contains("main"));
    }
}

#[tokio::test]
async fn a_change_is_open_until_its_head_is_part_of_the_base() {
    let source = Repository::new();
    source.commit("one", &[("reconverge.yaml", "a: 1\n")]);
    source.git(&["branch", "change/empty"]);
    source.git(&["checkout", "-q", "-b", "change/two"]);
    let two = source.commit("two", &[("data/x.yaml", "x: 1\n")]);
    source.git(&["checkout", "-q", "-b", "other/three"]);
    source.commit("three", &[("data/x.yaml", "x: 2\n")]);
    let (_state, mirror) = fetched(&source).await;
    let open = mirror.changes("change/", &mirror.base("main").await.unwrap()).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].name.as_str(), &open[0].head), ("change/two", &two));
    source.git(&["checkout", "-q", "main"]);
    source.git(&["merge", "-q", "--no-ff", "-m", "merge", "change/two"]);
    mirror.fetch(now()).await.unwrap();
    assert!(mirror.changes("change/", &mirror.base("main").await.unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_snapshot_is_the_commit_without_a_work_tree() {
    let source = Repository::new();
    source.write(&[(".gitattributes", "*.cfg filter=evil eol=crlf ident\n")]);
    let files = [
        ("reconverge.yaml", "a: 1\n"),
        ("data/ü b.yaml", "x: 1\r\n"),
        ("tests/golden/r1.cfg", "$Id$\n"),
        ("empty", ""),
    ];
    let commit = source.commit("one", &files);
    let (_state, mirror) = fetched(&source).await;
    let (snapshot, findings) = mirror.snapshot(&commit, "main").await.unwrap();
    assert_eq!(texts(&findings), Vec::<String>::new());
    for (path, text) in files {
        assert_eq!(snapshot.text(path), Some(text), "{path}");
    }
    assert_eq!(snapshot.files.len(), 5);
    assert_eq!(snapshot.revision.commit, Some(commit));
    assert_eq!(snapshot.revision.tree.unwrap().as_str(), source.git(&["rev-parse", "HEAD^{tree}"]));
    let unknown: ObjectId = "0123456789012345678901234567890123456789".parse().unwrap();
    assert_eq!(mirror.snapshot(&unknown, "main").await.unwrap_err().problem, GitProblem::NotFound);
    assert_eq!(
        mirror.is_ancestor(&unknown, &mirror.base("main").await.unwrap()).await.unwrap_err().problem,
        GitProblem::NotFound
    );
    assert_eq!(mirror.commit_info(&unknown).await.unwrap_err().problem, GitProblem::NotFound);
}

#[tokio::test]
async fn hostile_content_is_reported_and_never_followed() {
    let source = Repository::new();
    source.commit("base", &[("reconverge.yaml", "a: 1\n")]);
    let huge = vec![b'x'; (1 << 20) + 1];
    let here = source.head().to_string();
    let files: [(&str, &[u8], &[u8]); 9] = [
        ("120000", b"/etc/passwd", b"absolute.yaml"),
        ("120000", b"../../../etc/passwd", b"escape.yaml"),
        ("160000", here.as_bytes(), b"sub"),
        ("100644", b"caf\xe9\n", b"latin1.yaml"),
        ("100644", b"a: 1\n", b"\xff.yaml"),
        ("100644", b"a: 1\n", b"new\nline.yaml"),
        ("100644", &huge, b"huge.yaml"),
        ("100644", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", b"lfs.yaml"),
        ("100644", b"a: 1\0\n", b"nul.yaml"),
    ];
    let inner = source.commit_tree(&files);
    let tree = source.git(&["rev-parse", &format!("{inner}^{{tree}}")]);
    let top: [(&str, &[u8], &[u8]); 4] = [
        ("040000", tree.as_bytes(), b"data"),
        ("040000", tree.as_bytes(), b"docs"),
        ("100644", b"a: 1\n", b"reconverge.yaml"),
        ("120000", b"docs/../reconverge.yaml", b"CODEOWNERS"),
    ];
    let commit = source.commit_tree(&top);
    source.git(&["update-ref", "refs/heads/main", commit.as_str()]);
    let (_state, mirror) = fetched(&source).await;
    let (snapshot, findings) = mirror.snapshot(&commit, "main").await.unwrap();
    assert_eq!(snapshot.files.keys().collect::<Vec<_>>(), ["CODEOWNERS", "reconverge.yaml"]);
    let all = texts(&findings).join("\n");
    assert_eq!(findings.len(), files.len(), "{all}");
    assert!(findings.iter().all(Diagnostic::is_error) && !all.contains("docs/") && !all.contains("root:"), "{all}");
    for words in
        ["data/sub:0:0: error: is a submodule", "latin1.yaml:0:0: error: is not UTF-8 text (line 1)", "new?line.yaml"]
    {
        assert!(all.contains(words), "{words} in {all}");
    }
}

#[tokio::test]
async fn a_merge_result_is_what_git_would_merge() {
    let source = Repository::new();
    source.commit("one", &[("data/a.yaml", "a: 1\n"), ("data/b.yaml", "b: 1\n")]);
    source.git(&["checkout", "-q", "-b", "change/good"]);
    let good = source.commit("good", &[("data/b.yaml", "b: 2\n")]);
    source.git(&["checkout", "-q", "-b", "change/bad", "main"]);
    let bad = source.commit("bad", &[("data/a.yaml", "a: 3\n")]);
    source.git(&["checkout", "-q", "main"]);
    let base = source.commit("two", &[("data/a.yaml", "a: 2\n")]);
    let foreign = source.commit_tree(&[("100644", b"a: 9\n", b"x")]);
    source.git(&["update-ref", "refs/heads/foreign", foreign.as_str()]);
    let (_state, mirror) = fetched(&source).await;
    let MergeResult::Tree(tree) = mirror.merge_tree(&base, &good).await.unwrap() else { panic!("clean merge") };
    let (snapshot, _) = mirror.snapshot_of_tree(&tree, "main").await.unwrap();
    assert_eq!((snapshot.text("data/a.yaml"), snapshot.text("data/b.yaml")), (Some("a: 2\n"), Some("b: 2\n")));
    let MergeResult::Conflict { paths, message } = mirror.merge_tree(&base, &bad).await.unwrap() else {
        panic!("conflict")
    };
    assert_eq!(paths, BTreeSet::from(["data/a.yaml".to_owned()]));
    assert_eq!(message, "CONFLICT (content): Merge conflict in data/a.yaml");
    let MergeResult::Conflict { message, .. } = mirror.merge_tree(&base, &foreign).await.unwrap() else {
        panic!("foreign")
    };
    assert!(message.contains("no common history"));
    assert_eq!(mirror.merge_base(&base, &foreign).await.unwrap(), None);
    source.git(&["merge", "-q", "--squash", "change/good"]);
    let merged = source.commit("squashed", &[]);
    mirror.fetch(now()).await.unwrap();
    assert_eq!(mirror.tree_of(&merged).await.unwrap(), tree, "a squash merge has the planned tree");
}

#[tokio::test]
async fn questions_about_history_are_answered() {
    let source = Repository::new();
    let one = source.commit("one", &[("data/a.yaml", "a: 1\n"), ("b c", "x\n")]);
    source.git(&["mv", "b c", "d\te"]);
    let two = source.commit("two lines\nof subject\n\nbody", &[("data/a.yaml", "a: 2\n")]);
    let (_state, mirror) = fetched(&source).await;
    assert!(mirror.is_ancestor(&one, &two).await.unwrap() && !mirror.is_ancestor(&two, &one).await.unwrap());
    assert_eq!(mirror.merge_base(&one, &two).await.unwrap(), Some(one.clone()));
    let paths = mirror.changed_paths(&one, &mirror.tree_of(&two).await.unwrap()).await.unwrap();
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["b c", "d\te", "data/a.yaml"]);
    let info = mirror.commit_info(&two).await.unwrap();
    assert_eq!((info.author.as_str(), info.email.as_str()), ("Ann Author", "ann@example.net"));
    assert_eq!(
        (info.subject.as_str(), info.committed_at_s, info.parents),
        ("two lines of subject", 1_790_000_000, vec![one])
    );
}

#[tokio::test]
async fn notes_arrive_and_keep_those_of_others() {
    let source = Repository::new();
    let one = source.commit("one", &[("a", "1\n")]);
    let two = source.commit("two", &[("a", "2\n")]);
    let (_state, mirror) = fetched(&source).await;
    let (_other_state, other) = fetched(&source).await;
    let show = |commit: &ObjectId| source.git(&["notes", "--ref=reconverge", "show", commit.as_str()]);
    assert_eq!(mirror.push_note(&one, "# plan\n\n  verbatim\n").await.unwrap(), NotePush::Pushed);
    assert_eq!(show(&one), "# plan\n\n  verbatim");
    let (left, right) = tokio::join!(mirror.push_note(&one, "left"), other.push_note(&two, "right"));
    assert_eq!((left.unwrap(), right.unwrap()), (NotePush::Pushed, NotePush::Pushed));
    assert_eq!((show(&one).as_str(), show(&two).as_str()), ("left", "right"));
    let before = source.git(&["rev-parse", "refs/notes/reconverge"]);
    assert_eq!(mirror.push_note(&one, "left").await.unwrap(), NotePush::Pushed);
    assert_eq!(source.git(&["rev-parse", "refs/notes/reconverge"]), before, "the same note again changes nothing");
    assert_eq!(mirror.push_note(&one, " \n").await.unwrap_err().problem, GitProblem::Limit);
    let hook = source.path().join(".git/hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let refused = mirror.push_note(&one, "new").await.unwrap();
    assert!(matches!(&refused, NotePush::Refused(why) if why.contains("pre-receive hook declined")), "{refused:?}");
    assert_eq!(show(&one), "left");
}

#[tokio::test]
async fn a_lock_of_a_dead_process_is_removed_only_when_it_is_old() {
    let source = Repository::new();
    source.commit("one", &[("a", "1\n")]);
    let (state, mirror) = fetched(&source).await;
    let two = source.commit("two", &[("a", "2\n")]);
    let folder = std::fs::read_dir(state.path().join("mirrors")).unwrap().next().unwrap().unwrap().path();
    let lock = folder.join("refs/remotes/origin/main.lock");
    std::fs::write(&lock, "").unwrap();
    let error = mirror.fetch(now()).await.unwrap_err();
    assert_eq!(error.problem, GitProblem::Locked, "{error}");
    assert!(lock.exists());
    mirror.fetch(now() + Duration::from_secs(3600)).await.unwrap();
    assert_eq!(mirror.base("main").await.unwrap(), two);
    mirror.maintain().await.unwrap();
    assert_eq!(mirror.base("main").await.unwrap(), two);
}

#[tokio::test]
async fn errors_name_the_repository_and_what_to_do() {
    let state = tempfile::tempdir().unwrap();
    let absent = state.path().join("no such repository");
    let error = mirror(&state, absent.to_str().unwrap()).await.fetch(now()).await.unwrap_err();
    assert_eq!(error.problem, GitProblem::NotFound, "{error}");
    assert!(error.message.contains("no such repository") && error.hint.is_some());
    let error = mirror(&state, "http://127.0.0.1:1/x.git").await.fetch(now()).await.unwrap_err();
    assert_eq!(error.problem, GitProblem::Unreachable, "{error}");
    let empty = Repository::new();
    let (_state, mirror) = fetched(&empty).await;
    let error = mirror.base("main").await.unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("the repository has no branch yet"));
}

#[tokio::test]
async fn a_folder_is_its_commit_when_clean_and_itself_otherwise() {
    let source = Repository::new();
    let files = [(".gitignore", "ignored.yaml\n"), ("net/data/a.yaml", "a: 1\n"), ("net/.hidden/x", "x"), ("top", "t")];
    let commit = source.commit("one", &files);
    source.write(&[("ignored.yaml", "i: 1\n")]);
    let (clean, findings) = snapshot_of_folder(source.path()).await.unwrap();
    assert!(findings.is_empty());
    assert_eq!(clean.files.keys().collect::<Vec<_>>(), [".gitignore", "net/data/a.yaml", "top"]);
    assert_eq!((clean.revision.commit.as_ref(), clean.revision.branch.as_str()), (Some(&commit), "main"));
    let (_state, mirror) = fetched(&source).await;
    assert_eq!(mirror.snapshot(&commit, "main").await.unwrap().0.digest(), clean.digest());
    let (below, _) = snapshot_of_folder(&source.path().join("net")).await.unwrap();
    assert_eq!(below.files.keys().collect::<Vec<_>>(), ["data/a.yaml"]);
    assert_eq!(below.revision.tree.unwrap().as_str(), source.git(&["rev-parse", "HEAD:net"]));
    source.write(&[("net/data/b.yaml", "b: 1\n"), ("target/x", "x"), ("net/data/target/x.yaml", "x: 1\n")]);
    let (dirty, _) = snapshot_of_folder(source.path()).await.unwrap();
    assert_eq!((dirty.revision.commit, dirty.revision.tree), (None, None));
    let expected =
        [".gitignore", "ignored.yaml", "net/data/a.yaml", "net/data/b.yaml", "net/data/target/x.yaml", "top"];
    assert_eq!(dirty.files.keys().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_plain_folder_is_read_without_leaving_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("a.yaml"), "a: 1\n").unwrap();
    std::os::unix::fs::symlink("a.yaml", data.join("b.yaml")).unwrap();
    std::os::unix::fs::symlink("/etc", data.join("etc")).unwrap();
    std::os::unix::fs::symlink("../..", data.join("up")).unwrap();
    std::os::unix::fs::symlink("..", data.join("loop")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(data.join("socket")).unwrap();
    let (snapshot, findings) = snapshot_of_folder(folder.path()).await.unwrap();
    drop(socket);
    let paths = ["data/a.yaml", "data/b.yaml", "data/loop/data/a.yaml"];
    assert_eq!(snapshot.files.keys().collect::<Vec<_>>(), paths);
    assert_eq!(findings.len(), 3, "{:?}", texts(&findings));
    assert_eq!(snapshot_of_folder(&folder.path().join("none")).await.unwrap_err().problem, GitProblem::Io);
    assert_eq!(snapshot_of_folder(&data.join("a.yaml")).await.unwrap_err().problem, GitProblem::NotFound);
}
