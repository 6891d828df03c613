//! The dead-man timer's script alone, with a file in place of a router.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const SCRIPT: &str = include_str!("../../src/adapters/device/cli/dead_man.sh");

/// A folder with a "router": its configuration is one file, applying an undo overwrites it.
struct Router {
    folder: tempfile::TempDir,
    script: String,
}

impl Router {
    fn new(apply: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display();
        let script = format!(
            "root={at}/private\nchange=c1\nrunning() {{ cat {at}/config; }}\napply() {{ {apply}; }}\n\
             reload() {{ cp \"$1\" {at}/config; }}\ncd {at}\n"
        );
        let router = Self { folder, script };
        router.set("base\n");
        router
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, text: &str) {
        std::fs::write(self.path("config"), text).expect("it writes");
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.path("config")).expect("it reads")
    }

    fn verb(&self, verb: &str) -> Output {
        run(&format!("{}set -- {verb}\n{SCRIPT}", self.script))
    }

    /// As the driver does it: claim, put the script and the undo there, arm.
    fn arm(&self, seconds: u32) {
        let dir = self.path("private/c1");
        assert!(self.verb("claim").status.success());
        std::fs::write(dir.join("timer"), format!("{}{SCRIPT}", self.script)).expect("it writes");
        std::fs::write(dir.join("undo"), "base\n").expect("it writes");
        let output = run(&format!("sh {}/timer arm {seconds}", dir.display()));
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "base\n");
    }

    fn wait_for(&self, name: &str) {
        for _ in 0..400 {
            if self.path(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} did not appear");
    }
}

fn run(script: &str) -> Output {
    Command::new("sh").arg("-c").arg(script).output().expect("there is a shell")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn the_timer_restores_and_keeps_no_configuration() {
    for apply in ["cp \"$1\" config", "true"] {
        let router = Router::new(apply);
        router.arm(1);
        router.set("changed\n");
        router.wait_for("private/c1/result");
        assert_eq!(router.config(), "base\n");
        assert_eq!(router.verb("keep").status.code(), Some(13));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(files(&router.path("private/c1")), ["decided", "pid", "result", "timer"]);
        assert!(router.verb("undo").status.success());
        assert!(router.verb("clean").status.success());
        assert!(files(&router.path("private")).is_empty());
    }
}

#[test]
fn keeping_and_undoing_stop_the_timer() {
    let router = Router::new("cp \"$1\" config");
    router.arm(60);
    let pid = std::fs::read_to_string(router.path("private/c1/pid")).expect("a process");
    router.set("changed\n");
    assert_eq!(router.verb("claim").status.code(), Some(10));
    assert!(router.verb("ask").status.success());
    assert!(router.verb("keep").status.success());
    assert_eq!(router.verb("ask").status.code(), Some(13));
    assert!(router.verb("keep").status.success(), "asked twice, it is still kept");
    assert_eq!(router.verb("undo").status.code(), Some(14), "what was kept is not undone by the timer's texts");
    assert_eq!(router.config(), "changed\n");
    // a process that nobody waited for still has a number, but no command any more
    let running = format!("tr '\\0' ' ' </proc/{}/cmdline | grep -F timer", pid.trim());
    assert!((0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        run(&running).stdout.is_empty()
    }));
    assert!(router.verb("clean").status.success());
    router.set("base\n");
    router.arm(60);
    router.set("changed\n");
    assert!(router.verb("undo").status.success());
    assert_eq!(router.config(), "base\n");
    assert!(router.verb("clean").status.success());
    assert!(!router.path("private").exists());
    assert_eq!(router.verb("keep").status.code(), Some(14));
}

#[test]
fn a_base_that_does_not_come_back_is_told() {
    let router = Router::new("true");
    let mut deaf = Router::new("true");
    deaf.script = router.script.replace("reload() { cp", "reload() { : cp");
    deaf.folder = router.folder;
    deaf.arm(60);
    deaf.set("changed\n");
    let output = deaf.verb("undo");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(15), &b"failed\n"[..]));
    assert!(deaf.verb("clean").status.success());
}

#[test]
fn when_keep_and_timer_meet_exactly_one_of_them_decides() {
    let (mut kept, mut restored) = (0, 0);
    std::thread::scope(|scope| {
        let rounds: Vec<_> = (0_u64..24)
            .map(|round| {
                scope.spawn(move || {
                    let router = Router::new("cp \"$1\" config");
                    router.arm(1);
                    router.set("changed\n");
                    std::thread::sleep(Duration::from_millis(880 + round * 10));
                    let is_kept = router.verb("keep").status.success();
                    if !is_kept {
                        router.wait_for("private/c1/result");
                    }
                    std::thread::sleep(Duration::from_millis(300));
                    assert_eq!(router.config(), if is_kept { "changed\n" } else { "base\n" });
                    is_kept
                })
            })
            .collect();
        for round in rounds {
            if round.join().expect("it ends") { kept += 1 } else { restored += 1 }
        }
    });
    assert_eq!(kept + restored, 24);
}
