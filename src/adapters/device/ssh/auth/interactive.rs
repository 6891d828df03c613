//! Logins by questions (keyboard-interactive, RFC 4256): every question gets the answer that is meant for it, or none does.

use std::collections::BTreeSet;

use regex::Regex;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse, Prompt};

use super::{Answer, broke};
use crate::adapters::device::access::Auth;
use crate::adapters::device::ssh::client::{Client, Heard};
use crate::adapters::device::ssh::{Peer, quoted};
use crate::adapters::device::{DeviceError, DeviceProblem};

/// Rounds of questions that are answered before giving up.
const ROUNDS_MAX: usize = 8;
/// Most questions of one round.
const QUESTIONS_MAX: usize = 16;
/// Hidden questions that do not ask for the login password: a new password, a one-time code.
const NOT_THE_PASSWORD: &str = r"(?i)\b(new|retype|re-enter|repeat|again|change|confirm|otp|token|passcode|verification|one.?time|code|challenge|duo)\b";
/// Shown questions that ask for the name.
const THE_NAME: &str = r"(?i)\b(user ?name|user|login|name|account)\b";

/// Why a question has no answer.
struct Unanswered {
    question: String,
    why: &'static str,
    hint: &'static str,
}

/// Finds answers; remembers what was asked, because the same question again means that the answer was wrong.
struct Respondent<'a> {
    auth: &'a Auth,
    user: &'a str,
    answered: BTreeSet<String>,
}

/// Logs in by answering questions.
pub(super) async fn by_questions(
    handle: &mut Handle<Client>,
    (peer, heard): (&Peer<'_>, &Heard),
    auth: &Auth,
) -> Result<(String, Answer), DeviceError> {
    let mut respondent = Respondent { auth, user: peer.user, answered: BTreeSet::new() };
    let mut answer = handle.authenticate_keyboard_interactive_start(peer.user, None).await;
    for _ in 0..ROUNDS_MAX {
        match answer.map_err(|error| broke(peer, heard, &error))? {
            KeyboardInteractiveAuthResponse::Success => {
                return Ok((respondent.shown(), Answer::Told(AuthResult::Success)));
            }
            KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                let told = AuthResult::Failure { remaining_methods, partial_success };
                return Ok((respondent.shown(), Answer::Told(told)));
            }
            KeyboardInteractiveAuthResponse::InfoRequest { instructions, prompts, .. } => {
                let answers = respondent.answers(&prompts).map_err(|unanswered| {
                    let said = quoted(&instructions);
                    let said = if said.is_empty() { String::new() } else { format!(" (it said `{said}`)") };
                    let Unanswered { question, why, hint } = unanswered;
                    let message = format!("{} asks user {} `{question}`, {why}{said}", peer.name, peer.user);
                    DeviceError::refused(DeviceProblem::AuthFailed, message).hint(hint)
                })?;
                answer = handle.authenticate_keyboard_interactive_respond(answers).await;
            }
        }
    }
    let message = format!("{} asks user {} more than {ROUNDS_MAX} rounds of questions", peer.name, peer.user);
    Err(DeviceError::refused(DeviceProblem::AuthFailed, message).hint("look at the login of this user on the device"))
}

impl Respondent<'_> {
    /// What was tried, for messages.
    fn shown(&self) -> String {
        let asked: Vec<String> = self.answered.iter().map(|question| format!("`{question}`")).collect();
        match asked.as_slice() {
            [] => "keyboard-interactive".to_owned(),
            asked => format!("keyboard-interactive with an answer to {}", asked.join(" and ")),
        }
    }

    /// Answers all questions of a round, or none.
    fn answers(&mut self, prompts: &[Prompt]) -> Result<Vec<String>, Unanswered> {
        if prompts.len() > QUESTIONS_MAX {
            let question = format!("{} questions", prompts.len());
            return Err(Unanswered { question, why: "which are too many", hint: "look at the login on the device" });
        }
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for prompt in prompts {
            let question = quoted(&prompt.prompt);
            if self.answered.contains(&question) {
                let why = "which was answered before";
                return Err(Unanswered { question, why, hint: "the answer was not accepted: check the credentials" });
            }
            answers.push(self.answer(&question, prompt.echo)?);
            asked.push(question);
        }
        self.answered.extend(asked);
        Ok(answers)
    }

    fn answer(&self, question: &str, is_shown: bool) -> Result<String, Unanswered> {
        let fits = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(question));
        let unanswered = |why, hint| Err(Unanswered { question: question.to_owned(), why, hint });
        match self.auth {
            Auth::Answers(answers) => match answers.iter().find(|answer| answer.question.is_match(question)) {
                Some(answer) => Ok(answer.answer.expose().to_owned()),
                None if is_shown && fits(THE_NAME) => Ok(self.user.to_owned()),
                None => {
                    unanswered("which none of the `answers` fits", "add the question to `answers` of the credentials")
                }
            },
            Auth::Password(password) if !is_shown && !fits(NOT_THE_PASSWORD) => Ok(password.expose().to_owned()),
            _ if is_shown && fits(THE_NAME) => Ok(self.user.to_owned()),
            _ => unanswered(
                "which the password does not answer",
                "change an expired password on the device, or give `answers` in the credentials",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::device::access;
    use crate::domain::secret::Secret;

    fn ask(auth: &Auth, rounds: &[&[(&str, bool)]]) -> Result<Vec<String>, String> {
        let mut respondent = Respondent { auth, user: "ops", answered: BTreeSet::new() };
        let mut all = Vec::new();
        for round in rounds {
            let prompts: Vec<Prompt> =
                round.iter().map(|(prompt, echo)| Prompt { prompt: (*prompt).into(), echo: *echo }).collect();
            all.extend(respondent.answers(&prompts).map_err(|unanswered| unanswered.question)?);
        }
        Ok(all)
    }

    #[test]
    fn the_password_answers_only_questions_for_it() {
        let auth = Auth::Password(Secret::new("p"));
        assert_eq!(ask(&auth, &[&[("Username: ", true), ("Password: ", false)]]), Ok(vec!["ops".into(), "p".into()]));
        assert_eq!(ask(&auth, &[&[("Kennwort:", false)], &[]]), Ok(vec!["p".into()]));
        let wrong: [&[&[(&str, bool)]]; 5] = [
            &[&[("Password: ", false)], &[("Password: ", false)]],
            &[&[("Password:", false)], &[("New password:", false)]],
            &[&[("Verification code: ", false)]],
            &[&[("Favourite colour? ", true)]],
            &[&[("a", false); 17]],
        ];
        for rounds in wrong {
            assert!(ask(&auth, rounds).is_err(), "{rounds:?}");
        }
        assert_eq!(ask(&auth, &[&[("New\u{7} password\n", false)]]), Err("New  password".into()));
    }

    #[test]
    fn answers_are_found_by_the_question() {
        let answer = |question: &str, answer: &str| access::Answer {
            question: Regex::new(question).expect("a pattern"),
            answer: Secret::new(answer),
        };
        let auth = Auth::Answers(vec![answer("(?i)^password", "p"), answer("(?i)code", "123456")]);
        let asked = ask(&auth, &[&[("Password: ", false)], &[("Login name", true), ("Code: ", false)]]);
        assert_eq!(asked, Ok(vec!["p".into(), "ops".into(), "123456".into()]));
        assert_eq!(ask(&auth, &[&[("PIN: ", false)]]), Err("PIN:".into()));
    }
}
