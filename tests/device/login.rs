//! Getting in: host keys, passwords, ports, and prompts that are not prompts.

use std::time::{Duration, Instant};

use reconverge::adapters::device::{Auth, Certainty, DeviceError, DeviceProblem, HostKey, cli};
use reconverge::domain::secret::Secret;

use super::Door;
use super::scripted::{Character, Manners, PASSWORD, Play, start};

const BIG_LINES: usize = 300_000;

/// A router that knows a few commands and can be unpleasant in the way that its name says.
struct Router {
    host: &'static str,
    greeting: &'static str,
    user_mode: bool,
}

impl Character for Router {
    fn greeting(&mut self) -> String {
        format!("{}{}{}", self.greeting, self.host, if self.user_mode { ">" } else { "# " })
    }

    fn line(&mut self, line: &str) -> Play {
        if line == "enable" && self.user_mode {
            return Play::Say("Password: ".into());
        }
        let mut text = match line {
            "" | "terminal length 0" => String::new(),
            "show running-config" => "hostname r1\r\n! r1# not a prompt\r\nend\r\n".into(),
            "show cut" => "half of".into(),
            "show big" => "x".repeat(98).replace("xx", "x\u{1b}[0mx") + "\r\n",
            "show leave" => return Play::Drop,
            "show nothing" => return Play::Silence,
            secret if self.user_mode && secret == PASSWORD => {
                self.user_mode = false;
                String::from("\r\n")
            }
            _ => "% Unknown command\r\n".into(),
        };
        if line == "show big" {
            text = text.repeat(BIG_LINES);
        }
        let mark = if self.user_mode { ">" } else { "# " };
        Play::Say(format!("{text}{}{mark}", self.host))
    }

    fn echo(&self, line: &str) -> String {
        if self.user_mode && line == PASSWORD { String::new() } else { format!("{line}\r\n") }
    }
}

async fn router(greeting: &'static str, manners: Manners) -> Door {
    start("frr", Router { host: "r1", greeting, user_mode: false }, manners).await
}

async fn refusal(door: &Door) -> DeviceError {
    let mut target = door.target();
    target.connect_timeout = Duration::from_secs(2);
    let Err(error) = cli::connect(&target, &door.page()).await else { panic!("it should not log in") };
    assert_eq!(error.certainty, Certainty::Refused);
    assert!(error.message.contains(&format!("127.0.0.1:{}", door.port)), "{error}");
    assert!(!format!("{error:?}").contains(PASSWORD) && !format!("{error:?}").contains("falsch-1"), "{error:?}");
    error
}

#[tokio::test]
async fn host_keys_are_checked_before_any_credential_is_sent() {
    let mut door = router("", Manners::default()).await;
    let HostKey::Pinned(right) = door.host_key.clone() else { panic!("it is pinned") };
    let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    door.host_key = HostKey::Pinned(wrong.into());
    let error = refusal(&door).await;
    assert_eq!(error.problem, DeviceProblem::HostKey);
    assert!(error.message.contains(wrong) && error.message.contains(&right), "{error}");
    door.host_key = HostKey::Unknown;
    let error = refusal(&door).await;
    assert_eq!(error.problem, DeviceProblem::HostKey);
    assert!(error.hint.expect("a hint").contains(&format!("host_key: \"{right}\"")));
    door.host_key = HostKey::AcceptNew;
    let device = cli::connect(&door.target(), &door.page()).await.expect("it logs in");
    assert_eq!(device.host_key(), right);
}

#[tokio::test]
async fn wrong_passwords_closed_ports_and_silent_ports_are_told_apart() {
    let mut door = router("", Manners::default()).await;
    door.auth = vec![Auth::Password(Secret::new("falsch-1"))];
    assert_eq!(refusal(&door).await.problem, DeviceProblem::AuthFailed);
    door.auth = vec![Auth::Key(Secret::new("not a key, but falsch-1"))];
    let mut target = door.target();
    target.connect_timeout = Duration::from_secs(2);
    let Err(error) = cli::connect(&target, &door.page()).await else { panic!("it should not log in") };
    assert!(error.problem == DeviceProblem::AuthFailed && !error.message.contains("falsch-1"), "{error}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    door.port = listener.local_addr().expect("an address").port();
    let error = refusal(&door).await;
    assert_eq!(error.problem, DeviceProblem::Timeout, "{error}");
    drop(listener);
    let error = refusal(&door).await;
    assert_eq!(error.problem, DeviceProblem::Unreachable, "{error}");
    assert!(error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn keyboard_interactive_is_answered_with_the_password() {
    let mut door = router("", Manners { interactive_only: true, ..Manners::default() }).await;
    cli::connect(&door.target(), &door.page()).await.expect("it logs in");
    door.auth = vec![Auth::Password(Secret::new("falsch-1"))];
    assert_eq!(refusal(&door).await.problem, DeviceProblem::AuthFailed);
}

#[tokio::test]
async fn banners_that_look_like_prompts_do_not_fool_the_reader() {
    for greeting in
        ["\r\nr2# \r\n", "Welcome #\r\n> \r\nr1#\r\n", "\x1b[2J\x1b]0;r9# \x07hello\r\n\x1b[1mr1# nobody\r\n"]
    {
        for dribble in [false, true] {
            let door = router(greeting, Manners { dribble, ..Manners::default() }).await;
            let mut device = cli::connect(&door.target(), &door.page()).await.expect("it logs in");
            assert_eq!(device.running().await.expect("it reads"), "hostname r1\n! r1# not a prompt\nend\n");
            assert_eq!(device.running().await.expect("it reads"), "hostname r1\n! r1# not a prompt\nend\n");
        }
    }
}

#[tokio::test]
async fn privileges_are_asked_for_with_the_password() {
    let door = start("frr", Router { host: "r1", greeting: "", user_mode: true }, Manners::default()).await;
    let mut device = cli::connect(&door.target(), &door.page()).await.expect("it logs in");
    assert!(device.running().await.expect("it reads").ends_with("end\n"));
}

#[tokio::test]
async fn thirty_megabytes_are_read_in_one_piece() {
    let door = router("", Manners::default()).await;
    let mut device = cli::connect(&door.target(), &door.page()).await.expect("it logs in");
    let start = Instant::now();
    let text = device.run("show big").await.expect("it reads");
    assert_eq!(text.len(), BIG_LINES * 99);
    assert!(!text.contains('\u{1b}'));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_session_that_ends_or_falls_silent_is_told_apart() {
    let door = router("", Manners::default()).await;
    let mut target = door.target();
    target.command_timeout = Duration::from_millis(500);
    let mut device = cli::connect(&target, &door.page()).await.expect("it logs in");
    let error = device.run("show leave").await.expect_err("it hangs up");
    assert_eq!((error.certainty, error.problem), (Certainty::Lost, DeviceProblem::Unreachable), "{error}");
    let mut device = cli::connect(&target, &door.page()).await.expect("it logs in");
    let error = device.run("show nothing").await.expect_err("it says nothing");
    assert_eq!((error.certainty, error.problem), (Certainty::Lost, DeviceProblem::Timeout), "{error}");
    let error = device.run("show running-config\nreload").await.expect_err("two commands are not one");
    assert_eq!(error.certainty, Certainty::Refused, "{error}");
}
