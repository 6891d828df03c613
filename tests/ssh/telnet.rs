//! Telnet: a router that negotiates, asks for name and password, and has the same command line as over SSH.

use std::time::{Duration, Instant};

use reconverge::adapters::device::access::{Access, Transport};
use reconverge::adapters::device::{Auth, Certainty, DeviceError, DeviceProblem, HostKey, Target, cli};
use reconverge::domain::platform::session::SessionPage;
use reconverge::domain::secret::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "geheim-telnet-7";
/// WILL ECHO, WILL SGA, DO TERMINAL-TYPE, DO NAWS, DO 39 (new environment), WILL 5 (status).
const OFFERS: [u8; 18] = [255, 251, 1, 255, 251, 3, 255, 253, 24, 255, 253, 31, 255, 253, 39, 255, 251, 5];

/// How the router behaves at the login.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manners {
    Asks,
    /// Says nothing until the enter key comes, as a console line does.
    Sleeps,
    /// Has no login.
    Open,
    /// Hangs after the name.
    Hangs,
}

struct Router {
    stream: TcpStream,
    pending: Vec<u8>,
    negotiated: Vec<u8>,
}

impl Router {
    /// Reads one line; keeps what was negotiated apart.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.pending.drain(..end + 2).take(end).collect::<Vec<u8>>();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            let mut buffer = [0; 256];
            let count = self.stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
            let mut bytes = buffer[..count].iter().copied().peekable();
            while let Some(byte) = bytes.next() {
                match byte {
                    255 if bytes.peek() == Some(&250) => {
                        self.negotiated.extend(bytes.by_ref().take_while(|byte| *byte != 240));
                    }
                    255 => self.negotiated.extend(bytes.by_ref().take(2)),
                    byte => self.pending.push(byte),
                }
            }
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        // dribbled, so that nothing depends on whole packets
        for part in text.as_bytes().chunks(7) {
            self.stream.write_all(part).await.ok()?;
        }
        Some(())
    }

    async fn serve(mut self, manners: Manners) -> Option<()> {
        self.stream.write_all(&OFFERS).await.ok()?;
        if manners == Manners::Sleeps {
            self.line().await?;
        }
        if manners != Manners::Open {
            self.say("\r\nUser Access Verification\r\n\r\nUsername: ").await?;
            let user = self.line().await?;
            self.say(&format!("{user}\r\n")).await?;
            if manners == Manners::Hangs {
                self.line().await?;
            }
            self.say("Password: ").await?;
            if self.line().await? != PASSWORD || user != "ops" {
                self.say("\r\n% Login invalid\r\n\r\nUsername: ").await?;
                self.line().await?;
                return None;
            }
            self.say("\r\n").await?;
        }
        // all that was agreed on came before the first command
        self.say("Last login: never, from nowhere\r\nr1# ").await?;
        loop {
            let line = self.line().await?;
            let negotiated = format!("{:?}", self.negotiated);
            let output = match line.as_str() {
                "" | "terminal length 0" => String::new(),
                "show running-config" => "hostname r1\r\nend\r\n".into(),
                "show negotiated" => format!("{negotiated}\r\n"),
                "show leave" => return None,
                _ => "% Unknown command\r\n".into(),
            };
            self.say(&format!("{line}\r\n{output}r1# ")).await?;
        }
    }
}

pub(crate) async fn router(manners: Manners) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Router { stream, pending: Vec::new(), negotiated: Vec::new() }.serve(manners));
        }
    });
    Target {
        device: "r1".parse().expect("a name"),
        platform: "frr".parse().expect("a name"),
        address: "127.0.0.1".into(),
        port,
        user: "ops".into(),
        auth: vec![Auth::Password(Secret::new(PASSWORD))],
        host_key: HostKey::Unknown,
        legacy_algorithms: false,
        connect_timeout: Duration::from_secs(8),
        command_timeout: Duration::from_secs(8),
        options: std::collections::BTreeMap::new(),
        access: Access { transport: Transport::Telnet, ..Access::default() },
    }
}

fn page() -> SessionPage {
    SessionPage::built_in("frr").expect("it is built in").expect("it is valid")
}

async fn refusal(target: &Target) -> DeviceError {
    let Err(error) = cli::connect(target, &page()).await else { panic!("it should not log in") };
    assert_eq!(error.certainty, Certainty::Refused, "{error}");
    assert!(!format!("{error:?}").contains(PASSWORD) && !format!("{error:?}").contains("falsch-1"), "{error:?}");
    assert!(error.message.contains(&format!("127.0.0.1:{}", target.port)), "{error}");
    error
}

#[tokio::test]
async fn the_command_line_is_the_same_as_over_ssh() {
    for manners in [Manners::Asks, Manners::Sleeps, Manners::Open] {
        let target = router(manners).await;
        let mut device = cli::connect(&target, &page()).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(device.running().await.expect("it reads"), "hostname r1\nend\n");
        assert_eq!(device.host_key(), "");
        // DO ECHO, DO SGA, WILL TERMINAL-TYPE, WILL NAWS, WONT 39, DONT 5; and the size: 511 columns, 1000 rows
        let negotiated = device.run("show negotiated").await.expect("it runs");
        for part in ["253, 1", "253, 3", "251, 24", "251, 31", "252, 39", "254, 5", "250, 31, 1, 255, 255, 3, 232"] {
            assert!(negotiated.contains(part), "{part}: {negotiated}");
        }
        let error = device.run("show leave").await.expect_err("it hangs up");
        assert_eq!((error.certainty, error.problem), (Certainty::Lost, DeviceProblem::Unreachable), "{error}");
        // the next command logs in again
        assert_eq!(device.running().await.expect("it reads"), "hostname r1\nend\n");
    }
}

#[tokio::test]
async fn logins_that_fail_are_told_apart_and_end_in_time() {
    let mut target = router(Manners::Asks).await;
    target.auth = vec![Auth::Password(Secret::new("falsch-1"))];
    let error = refusal(&target).await;
    assert_eq!(error.problem, DeviceProblem::AuthFailed);
    assert!(error.message.contains("did not accept user ops"), "{error}");
    target.auth = Vec::new();
    assert!(refusal(&target).await.message.contains("asks for a password and there is none for user ops"));

    let mut target = router(Manners::Hangs).await;
    target.access.login_timeout = Some(Duration::from_secs(2));
    let started = Instant::now();
    let error = refusal(&target).await;
    assert_eq!(error.problem, DeviceProblem::Timeout, "{error}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    target.port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_eq!(refusal(&target).await.problem, DeviceProblem::Unreachable);
}
