//! Recorded sessions of real devices (scrapli_cfg): every byte of theirs, every prompt and answer of ours.

use reconverge::domain::platform::session::{Patterns, SessionPage};
use reconverge::domain::platform::terminal::{Seen, Terminal};

use super::{judge, page};
use crate::support::conformance;

/// What was typed, and what the device sent before that.
struct Exchange {
    output: String,
    input: String,
    is_secret: bool,
}

fn exchanges(text: &str) -> Option<Vec<Exchange>> {
    let file: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    let connection = file.as_mapping()?.iter().next()?.1;
    let list = connection.get("interactions")?.as_sequence()?;
    let one = |item: &serde_yaml::Value| {
        Some(Exchange {
            output: item.get("channel_output")?.as_str()?.to_owned(),
            input: item.get("expected_channel_input")?.as_str()?.to_owned(),
            is_secret: item.get("expected_channel_input_redacted")?.as_bool()?,
        })
    };
    list.iter().map(one).collect()
}

/// Plays a session. The echo of a line comes before its enter key is recorded, so both are put together again.
fn play(page: &SessionPage, exchanges: &[Exchange]) -> Result<usize, String> {
    let mut terminal = Terminal::new(&page.session).map_err(|error| error.to_string())?;
    let mut learnt = false;
    let mut is_text = false;
    let texts = Patterns::new("texts", &page.session.configuration.texts).unwrap();
    let mut commands = 0;
    for (index, exchange) in exchanges.iter().enumerate() {
        terminal.push(exchange.output.replace('\n', "\r\n").as_bytes());
        if exchange.is_secret {
            continue;
        }
        if !exchange.input.trim().is_empty() && !exchange.input.ends_with('\n') {
            match terminal.seen() {
                Seen::Prompt(_) => {
                    commands += 1;
                    terminal.take();
                }
                Seen::Unlearnt(prompt) => {
                    // a shell, another mode or the first prompt
                    if learnt && prompt.role == reconverge::domain::platform::session::Role::Operational {
                        commands += 1;
                    }
                    terminal.learn(&prompt);
                    learnt = true;
                    terminal.take();
                }
                Seen::Question(_) => {}
                // the driver stops there and shows the question
                Seen::Nothing if !learnt || is_text || terminal.question().is_some() => continue,
                Seen::Nothing => {
                    return Err(format!("no prompt before `{}`: {:?}", exchange.input, terminal.tail(2)));
                }
            }
            // a value of several lines goes on without a prompt until it is over
            is_text = texts.fits(exchange.input.trim()) || exchange.input.ends_with('{');
            terminal.send(&exchange.input);
        }
        if terminal.echo_is_wrong() {
            return Err(format!("the echo before exchange {index} is wrong: {:?}", terminal.tail(2)));
        }
    }
    if commands == 0 { Err("no prompt at all".into()) } else { Ok(commands) }
}

#[test]
fn recorded_sessions_are_followed() {
    let Some(folder) = conformance() else { return };
    let (mut cases, mut misses, mut commands) = (0, Vec::new(), 0);
    let sessions = folder.join("scrapli_cfg/scrapli_replay_sessions");
    let mut files: Vec<_> = std::fs::read_dir(sessions).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(platform) = name.split(['[', '-']).nth(1) else { continue };
        let Some(page) = page(platform) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let Some(exchanges) = exchanges(&text) else { panic!("{name} cannot be read") };
        cases += 1;
        match play(&page, &exchanges) {
            Ok(answered) => commands += answered,
            Err(why) => misses.push(format!("{name}: {why}")),
        }
    }
    crate::support::say(&format!("conformance: {commands} commands of recorded sessions came back to a prompt"));
    judge("recorded sessions of scrapli_cfg", cases, &misses, 95);
}
