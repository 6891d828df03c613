//! Many lines over a long way: what is under way at the same time decides how long it takes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reconverge::adapters::device::{Certainty, DeviceProblem, cli};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::candidate;
use super::scripted::{Character, Manners, Play, start};
use crate::support::say;

const LINES: usize = 10_000;
/// One way; a round trip takes twice as long.
const ONE_WAY: Duration = Duration::from_millis(10);

/// An IOS-like router that takes every line, except one.
#[derive(Default)]
struct Router {
    is_configuring: bool,
    section: String,
    typed: Vec<String>,
    bad: Option<String>,
    timer: bool,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Router>>);

impl Router {
    fn prompt(&self) -> String {
        match (self.is_configuring, self.section.is_empty()) {
            (false, _) => "r1#".into(),
            (true, true) => "r1(config)#".into(),
            (true, false) => "r1(config-if)#".into(),
        }
    }

    fn answer(&mut self, line: &str) -> String {
        match line {
            "show running-config" => return "hostname r1\r\n!\r\nend\r\n".into(),
            "show archive" => return "The maximum archive configurations allowed is 10.\r\n".into(),
            "show archive config rollback timer" if self.timer => return "Timer value: 2 min\r\nUser: ops\r\n".into(),
            "show license" => return "Send the report? [yes/no]: \0".into(),
            "end" => (self.is_configuring, self.section) = (false, String::new()),
            "exit" => self.section.clear(),
            "configure revert now" | "configure confirm" => self.timer = false,
            _ if line.starts_with("configure terminal") => {
                self.is_configuring = true;
                self.timer |= line.contains("revert timer");
            }
            _ if self.bad.as_deref() == Some(line) => return "% Invalid input detected at '^' marker.\r\n".into(),
            _ if self.is_configuring => {
                self.typed.push(line.to_owned());
                if line.starts_with("interface") {
                    self.section = line.to_owned();
                }
            }
            _ => {}
        }
        String::new()
    }
}

impl Character for Shared {
    fn greeting(&mut self) -> String {
        "\r\nr1#".into()
    }

    fn line(&mut self, line: &str) -> Play {
        let mut router = self.0.lock().unwrap();
        let said = router.answer(line.trim());
        match said.strip_suffix('\0') {
            Some(question) => Play::Say(question.to_owned()),
            None => Play::Say(format!("{said}{}", router.prompt())),
        }
    }
}

/// Carries bytes to a port, each of them later.
async fn far_away(port: u16) -> u16 {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let (near, far) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near.0, far.1));
            tokio::spawn(carry(far.0, near.1));
        }
    });
    own
}

async fn carry(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(size) = from.read(&mut buffer).await {
        if size == 0 || sender.send((tokio::time::Instant::now() + ONE_WAY, buffer[..size].to_vec())).is_err() {
            return;
        }
    }
}

/// A push of many interfaces; returns how long it took, and what was typed.
async fn push(
    window: usize,
    lines: usize,
    bad: Option<&str>,
) -> (Duration, Shared, Option<(Certainty, DeviceProblem, String)>) {
    let shared = Shared(Arc::new(Mutex::new(Router { bad: bad.map(str::to_owned), ..Router::default() })));
    let mut door = start("cisco_iosxe", shared.clone(), Manners::default()).await;
    door.port = far_away(door.port).await;
    let mut page = door.page();
    page.session.configuration.window_lines = window;
    let mut target = door.target();
    target.command_timeout = Duration::from_secs(30);
    let mut device = cli::connect(&target, &page).await.unwrap();
    let text: String = (0..lines / 4)
        .map(|n| {
            format!(
                "interface Loopback{n}\n description number {n}\n ip address 10.{}.{}.1 255.255.255.255\n mtu 1400\n",
                n / 250,
                n % 250
            )
        })
        .collect();
    let change = candidate("rc-1", "hostname r1\n!\nend\n", &text, "");
    let begun = Instant::now();
    let result = device.commit(&change, Duration::from_secs(120)).await;
    (begun.elapsed(), shared, result.err().map(|error| (error.certainty, error.problem, error.message)))
}

#[tokio::test]
async fn ten_thousand_lines_take_a_twentieth_of_their_round_trips() {
    let few = 200;
    let (one_by_one, shared, error) = push(1, few, None).await;
    assert!(error.is_none() && shared.0.lock().unwrap().typed.len() == few, "{error:?}");
    let (together, shared, error) = push(64, LINES, None).await;
    assert!(error.is_none(), "{error:?}");
    let typed = shared.0.lock().unwrap().typed.clone();
    assert_eq!(typed.len(), LINES);
    assert_eq!(typed[5], "description number 1");
    let one_by_one = one_by_one * u32::try_from(LINES / few).unwrap();
    say(&format!(
        "push of {LINES} lines at a round trip of {:?}: {together:.1?}; one line per round trip: {one_by_one:.0?}",
        ONE_WAY * 2
    ));
    assert!(together * 20 <= one_by_one, "{together:?} is more than a twentieth of {one_by_one:?}");
}

#[tokio::test]
async fn the_first_bad_line_of_many_under_way_is_named() {
    let (_, shared, error) = push(64, 400, Some("description number 40")).await;
    let (certainty, problem, message) = error.expect("it is refused");
    assert_eq!(problem, DeviceProblem::Rejected, "{message}");
    assert_eq!(certainty, Certainty::Refused, "{message}");
    assert!(
        message.contains("command 162 `description number 40`") && message.contains("% Invalid input"),
        "{message}"
    );
    assert!(shared.0.lock().unwrap().typed.len() < 400 - 100);
}

#[tokio::test]
async fn a_question_without_an_answer_is_shown() {
    let shared = Shared(Arc::new(Mutex::new(Router::default())));
    let door = start("cisco_iosxe", shared, Manners::default()).await;
    let mut device = cli::connect(&door.target(), &door.page()).await.unwrap();
    let begun = Instant::now();
    let error = device.run("show license").await.expect_err("nobody answers");
    assert!(error.message.contains("Send the report? [yes/no]:") && error.message.contains("no answer"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(8), "it does not wait for the longest silence");
}
