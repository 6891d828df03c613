//! The network of a story: the lab's routers, the intent repository that describes them, the program that looks after both.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::service::Service;
use crate::support::frr_lab::{Account, FrrLab};
use crate::support::git::Repository;
use crate::support::program::{Finished, Program};

/// What the settings of a story's repository say.
pub(crate) const SETTINGS: &str = "\
confirm_timeout: 20s
rollout: {canary: 1, batch: 100%, bake: 1s}
failure: rollback_run
drift: {interval: 1h, policy: report}
credentials:
  default: {user: USER, password: 'secret://env/RECONVERGE_DEVICE_PASSWORD'}
";

/// The kinds of accounts that the routers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Unix shell: rollback class B.
    Shell,
    /// `vtysh` as login shell: rollback class C.
    Vtysh,
}

/// Three routers and their repository. Nothing runs before [`Network::serve`].
pub(crate) struct Network {
    pub(crate) lab: FrrLab,
    /// What an engineer edits.
    pub(crate) work: Repository,
    /// What everybody shares, without a work tree.
    pub(crate) origin: Repository,
    folder: tempfile::TempDir,
    password: String,
}

impl Network {
    /// Takes the lab and writes the repository that describes it as it is; nothing when there is no lab.
    pub(crate) fn take(kind: Kind) -> Option<Self> {
        let folder = crate::support::folder();
        let origin = Repository::bare(&folder.path().join("origin.git"));
        Self::made(kind, origin, folder)
    }

    /// The same with a shared repository that stands somewhere else.
    pub(crate) fn take_with(kind: Kind, origin: Repository) -> Option<Self> {
        Self::made(kind, origin, crate::support::folder())
    }

    fn made(kind: Kind, origin: Repository, folder: tempfile::TempDir) -> Option<Self> {
        let lab = FrrLab::take()?;
        let work = Repository::new(&folder.path().join("work"));
        let account = account(&lab, kind);
        let (user, password) = (account.user.clone(), account.password.clone());
        let network = Self { lab, work, origin, folder, password };
        network.describe(&user);
        network.work.commit("the network as it is");
        network.work.git(&["remote", "add", "origin", network.origin.folder().to_str().unwrap()]);
        network.work.git(&["push", "--quiet", "origin", "main"]);
        Some(network)
    }

    /// Writes the template repository, reduced to the routers of the lab.
    fn describe(&self, user: &str) {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("intent-repo-template"), self.work.folder());
        for path in
            ["data/device/leaf1.yaml", "data/device/leaf2.yaml", "inventory/groups/leafs.yaml", "data/site/fra.yaml"]
        {
            std::fs::remove_file(self.work.folder().join(path)).unwrap();
        }
        for path in ["running", "templates/arista_eos"] {
            std::fs::remove_dir_all(self.work.folder().join(path)).unwrap();
        }
        let entry = |router: &crate::support::frr_lab::Router| {
            format!(
                "{}:\n  address: {}\n  port: {}\n  host_key: \"{}\"\n  groups: [routers]\n  labels: {{site: ams}}\n",
                router.name, router.address, router.port, router.host_key_fingerprint
            )
        };
        let inventory: String = self.lab.routers.iter().map(entry).collect();
        self.work.write("inventory/devices.yaml", &inventory);
        self.work.write("reconverge.yaml", &SETTINGS.replace("USER", user));
        self.work.write(
            "checks/bgp.yaml",
            "name: bgp-established\nselect: platform=frr\ncommand: show bgp neighbors\n\
             expect:\n  count: {pattern: 'BGP state = Established', equals: '{{ links | length }}'}\nwithin: 8s\nevery: 500ms\n",
        );
    }

    /// Where plans and runs are kept.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A call of the program in the engineer's folder.
    pub(crate) fn program(&self, arguments: &[&str]) -> Program {
        Program::reconverge(self.work.folder(), arguments)
            .env("RECONVERGE_DEVICE_PASSWORD", &self.password)
            .env("RECONVERGE_STATE", self.state().to_str().unwrap())
            .env("USER", "ada")
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.program(arguments).finish()
    }

    /// Starts the service on the shared repository and waits until the routers are found as described.
    pub(crate) fn serve(&self) -> Service {
        let service = self.start();
        let first = service.deployment(&self.origin.git(&["rev-parse", "main"]));
        assert_eq!(first["finished"]["outcome"], "applied", "{first:#}");
        service
    }

    /// Starts the service on the shared repository.
    pub(crate) fn start(&self) -> Service {
        self.start_on(self.origin.folder().to_str().unwrap(), &[], &[])
    }

    /// Starts the service on a repository of any kind.
    pub(crate) fn start_on(&self, source: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Service {
        let listen = ["serve", "--source", source, "--listen", "127.0.0.1:0", "--poll", "400ms"];
        let mut program = self.program(&[&listen, arguments].concat());
        for (name, value) in variables {
            program = program.env(name, value);
        }
        Service::new(program.start())
    }

    /// Replaces a text of a file, which must be there exactly once.
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.work.folder().join(path)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {path}:\n{text}");
        self.work.write(path, &text.replace(from, to));
    }

    /// Returns the number of the first line of a file that contains a text.
    pub(crate) fn line_of(&self, path: &str, words: &str) -> usize {
        let text = std::fs::read_to_string(self.work.folder().join(path)).unwrap();
        text.lines().position(|line| line.contains(words)).expect("the file contains it") + 1
    }

    /// Commits what was edited to a new change branch and pushes it. Returns the commit.
    pub(crate) fn propose(&self, name: &str) -> String {
        let branch = format!("change/{name}");
        self.work.branch(&branch);
        let commit = self.work.commit(name);
        self.work.git(&["push", "--quiet", "origin", &branch]);
        commit
    }

    /// Merges a change branch, deletes it and pushes. Returns the commit.
    pub(crate) fn merge(&self, name: &str) -> String {
        let branch = format!("change/{name}");
        self.work.checkout("main");
        let commit = self.work.merge(&branch);
        self.work.git(&["push", "--quiet", "origin", "main", &format!(":{branch}")]);
        commit
    }

    /// Brings a change branch into the base branch without a merge commit, deletes it and pushes.
    pub(crate) fn fast_forward(&self, name: &str) {
        let branch = format!("change/{name}");
        self.work.checkout("main");
        self.work.git(&["merge", "--quiet", "--ff-only", &branch]);
        self.work.git(&["push", "--quiet", "origin", "main", &format!(":{branch}")]);
    }

    /// Proposes what was edited, waits for the plan, merges it and waits for the end of the deployment.
    pub(crate) fn change(&self, service: &Service, name: &str) -> Changed {
        let proposed = self.propose(name);
        let planned = service.planned(&proposed);
        assert_eq!(planned["finished"]["outcome"], "planned", "{planned:#}");
        let plan = service.json(&format!("/api/v1/plans/{}", text(&planned["plan"])));
        let merged = self.merge(name);
        let run = service.deployment(&merged);
        Changed { proposed, merged, plan, run }
    }

    /// Waits until the note that the program leaves on a commit contains a text, and returns the note.
    pub(crate) fn note(&self, commit: &str, words: &str) -> String {
        let arguments = ["notes", "--ref=reconverge", "show", commit];
        let mut note = String::new();
        until(&format!("{words:?} in the note of {commit}"), Duration::from_secs(10), || {
            let output = Repository::command(self.origin.folder(), &arguments).output().unwrap();
            note = String::from_utf8_lossy(&output.stdout).into_owned();
            note.contains(words)
        });
        note
    }

    /// Returns the running configuration without the lines that only say which program printed it.
    pub(crate) fn running(&self, router: &str) -> String {
        body(&self.lab.running_config(router))
    }

    /// Returns the intended configuration that the checked-out files give.
    pub(crate) fn intended(&self, router: &str) -> String {
        intended(self.work.folder(), router)
    }
}

/// A change on its whole way.
pub(crate) struct Changed {
    /// The commit of the change branch.
    pub(crate) proposed: String,
    /// The commit of the base branch.
    pub(crate) merged: String,
    /// The plan of the change branch.
    pub(crate) plan: serde_json::Value,
    /// The run of the deployment.
    pub(crate) run: serde_json::Value,
}

fn account(lab: &FrrLab, kind: Kind) -> &Account {
    match kind {
        Kind::Shell => &lab.accounts.shell,
        Kind::Vtysh => &lab.accounts.vtysh,
    }
}

/// Renders a router's configuration with the library, as the service does.
fn intended(folder: &Path, router: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (snapshot, findings) = runtime.block_on(reconverge::adapters::git::snapshot_of_folder(folder)).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let platforms = reconverge::domain::platform::Platform::all().unwrap().into_keys().collect();
    let (intent, findings) = reconverge::domain::intent::load(&snapshot, &platforms);
    assert!(findings.iter().all(|finding| !finding.is_error()), "{findings:?}");
    let renderer = reconverge::domain::render::Renderer::new(&intent);
    renderer.render(&router.parse().unwrap()).unwrap_or_else(|findings| panic!("{findings:?}")).text
}

/// Drops what says who printed a configuration, and empty lines.
pub(crate) fn body(config: &str) -> String {
    let header = |line: &&str| {
        line.starts_with("Building configuration")
            || line.starts_with("Current configuration")
            || line.starts_with("frr version ")
    };
    let lines: Vec<&str> = config.lines().map(str::trim_end).filter(|line| !line.is_empty() && !header(line)).collect();
    lines.join("\n").trim_start_matches("!\n").to_owned()
}

/// Returns a text of a JSON value.
pub(crate) fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

/// Waits until something holds.
pub(crate) fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not happen within {within:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
