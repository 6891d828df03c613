//! Passwords, questions, keys of every kind, certificates and agents; and what is said when none of them works.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reconverge::adapters::device::DeviceProblem;
use reconverge::adapters::device::access::{Agent, Answer, Auth, Identity};
use reconverge::domain::secret::Secret;

use super::{SshLab, whoami};
use crate::support;

fn wrong_password() -> Auth {
    Auth::Password(Secret::new("falsch-1"))
}

#[tokio::test]
async fn passwords_and_keys_of_every_kind_log_in() {
    let Some(lab) = SshLab::take() else { return };
    let locked = Identity {
        key: lab.key("user_locked"),
        passphrase: Some(Secret::new(lab.passphrase.clone())),
        certificate: None,
    };
    let ways = [
        ("password", lab.password()),
        ("ed25519", Auth::Key(lab.key("user_ed25519"))),
        ("rsa", Auth::Key(lab.key("user_rsa"))),
        ("rsa in PEM form", Auth::Key(lab.key("user_rsa_pem"))),
        ("ecdsa", Auth::Key(lab.key("user_ecdsa"))),
        ("a key with a passphrase", Auth::Identity(Box::new(locked))),
        ("certificate", lab.signed_key("user_signed")),
        ("certificate of an RSA key", lab.signed_key("user_signed_rsa")),
    ];
    for (what, auth) in ways {
        assert_eq!(whoami(&lab.target("open", vec![auth])).await, lab.user, "{what}");
    }
    let accepted = std::fs::read_to_string(lab.dir.join("open.log")).expect("the log of the server");
    for what in ["Accepted password", "RSA-CERT", "ED25519-CERT", "ECDSA"] {
        assert!(accepted.contains(what), "{what}: {accepted}");
    }
}

#[tokio::test]
async fn questions_are_answered_and_a_question_without_an_answer_is_shown() {
    let Some(lab) = SshLab::take() else { return };
    // `inner` offers only questions; `open` offers passwords too, so the answers choose the method
    assert_eq!(whoami(&lab.inner()).await, lab.user);
    let answer = |question: &str| {
        let question = regex::Regex::new(question).expect("a pattern");
        vec![Auth::Answers(vec![Answer { question, answer: Secret::new(lab.password.clone()) }])]
    };
    assert_eq!(whoami(&lab.target("open", answer("^Password"))).await, lab.user);
    let error = lab.refusal(&lab.target("open", answer("^Token"))).await;
    assert!(error.message.contains("asks user ops `Password:`"), "{error}");

    // an expired password: the server asks for a new one, which must not be answered with the old one
    let mut expired = lab.target("open", vec![lab.password()]);
    expired.user = lab.expired_user.clone();
    let error = lab.refusal(&expired).await;
    assert_eq!(error.problem, DeviceProblem::AuthFailed);
    assert!(
        error.message.contains("asks user old `You are required to change") && error.message.contains("assword:`"),
        "{error}"
    );
    assert!(error.hint.expect("a hint").contains("expired"));
}

#[tokio::test]
async fn two_methods_in_a_row_are_both_given() {
    let Some(lab) = SshLab::take() else { return };
    let (key, password) = (Auth::Key(lab.key("user_ed25519")), lab.password());
    for auth in [vec![key.clone(), password.clone()], vec![password, key.clone()]] {
        assert_eq!(whoami(&lab.target("both", auth)).await, lab.user);
    }
    let error = lab.refusal(&lab.target("both", vec![key])).await;
    assert!(error.message.contains("was accepted, but not enough; it offers password"), "{error}");
}

#[tokio::test]
async fn a_refused_login_names_everything_but_the_secret() {
    let Some(lab) = SshLab::take() else { return };
    let auth = vec![Auth::Key(lab.key("stranger")), wrong_password()];
    let error = lab.refusal(&lab.target("open", auth)).await;
    assert_eq!(error.problem, DeviceProblem::AuthFailed);
    let port = lab.ports["open"];
    assert!(error.message.starts_with(&format!("open (127.0.0.1:{port}) did not accept user ops: public key SHA256:")));
    assert!(error.message.contains("was refused, then password was refused; it offers publickey, password"), "{error}");
    assert!(!error.message.contains("falsch-1"));

    let error = lab.refusal(&lab.target("edge", vec![lab.password()])).await;
    assert!(error.message.contains("no method that fits the credentials: it offers publickey"), "{error}");
    let error = lab.refusal(&lab.target("open", Vec::new())).await;
    assert!(error.message.contains("no credentials for user ops"), "{error}");
}

#[tokio::test]
async fn keys_that_cannot_work_are_told_before_they_are_sent() {
    let Some(lab) = SshLab::take() else { return };
    let refusal = async |key: &str, passphrase: Option<&str>, certificate: Option<&str>| {
        let auth = Auth::Identity(Box::new(Identity {
            key: lab.key(key),
            passphrase: passphrase.map(Secret::new),
            certificate: certificate.map(|name| lab.key(name)),
        }));
        lab.refusal(&lab.target("open", vec![auth])).await.message
    };
    assert!(refusal("user_locked", None, None).await.contains("is locked with a passphrase"));
    assert!(refusal("user_locked", Some("falsch-1"), None).await.contains("cannot be opened with its passphrase"));
    assert!(refusal("user_expired", None, Some("user_expired-cert.pub")).await.contains("has expired"));
    assert!(refusal("user_ed25519", None, Some("user_signed-cert.pub")).await.contains("is for another key"));
    assert!(refusal("user_ed25519", None, Some("user_ed25519")).await.contains("cannot be read"));
    // the server does not know the authority of this certificate as one for hosts
    assert!(refusal("host_signed", None, Some("host_signed-cert.pub")).await.contains("was refused"));
}

/// An agent of OpenSSH, stopped when the test ends.
struct RealAgent {
    process: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl RealAgent {
    fn start(lab: &SshLab, keys: &[&str]) -> Self {
        let folder = support::folder();
        let socket = folder.path().join("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("ssh-agent starts");
        let agent = Self { process, socket, _folder: folder };
        for _ in 0..200 {
            if agent.socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        for key in keys {
            let mut command = Command::new("ssh-add");
            command.arg("-q").arg(lab.keys.join(key)).env("SSH_AUTH_SOCK", &agent.socket).stdin(Stdio::null());
            support::successful("ssh-add", &command.output().expect("ssh-add runs"));
        }
        agent
    }

    fn auth(&self, fingerprint: Option<&str>) -> Vec<Auth> {
        vec![Auth::Agent(Agent { socket: Some(self.socket.clone()), fingerprint: fingerprint.map(str::to_owned) })]
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn agents_sign_with_the_keys_that_they_hold() {
    let Some(lab) = SshLab::take() else { return };
    // the first key is refused, the second one fits
    let agent = RealAgent::start(&lab, &["stranger", "user_agent"]);
    assert_eq!(whoami(&lab.target("open", agent.auth(None))).await, lab.user);
    // ssh-add adds the certificate beside the key by itself
    let signed = RealAgent::start(&lab, &["user_signed_rsa"]);
    assert_eq!(whoami(&lab.target("open", signed.auth(None))).await, lab.user);

    let unknown = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let error = lab.refusal(&lab.target("open", agent.auth(Some(unknown)))).await;
    assert!(error.message.contains("none of its 2 keys"), "{error}");
    let strangers = RealAgent::start(&lab, &["stranger"]);
    let error = lab.refusal(&lab.target("open", strangers.auth(None))).await;
    assert!(error.message.contains("public key SHA256:") && error.message.contains("was refused"), "{error}");
    // an agent that is gone does not keep the password from being tried
    let socket = strangers.socket.clone();
    drop(strangers);
    let gone = Auth::Agent(Agent { socket: Some(socket), fingerprint: None });
    let error = lab.refusal(&lab.target("open", vec![gone.clone()])).await;
    assert!(error.message.contains("cannot be used"), "{error}");
    assert_eq!(whoami(&lab.target("open", vec![gone, lab.password()])).await, lab.user);
}
