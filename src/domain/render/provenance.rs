//! Which line of which template made each line of a config. Best effort, and apart from rendering: it renders a second
//! time with invisible marks and compares.

use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::source::{Piece, pieces};
use super::{Renderer, at_template};
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::intent::{Intent, TEMPLATES_FOLDER};
use crate::domain::name::DeviceName;

/// Characters for private use; a value cannot forge them because only whole, known marks count.
const OPEN: char = '\u{f0000}';
const CLOSE: char = '\u{f0001}';

/// Returns the place in the templates for each line of the device's config; nothing where it cannot be told.
///
/// # Errors
/// Those of rendering.
pub fn provenance(intent: &Intent, name: &DeviceName) -> Result<Vec<Option<Place>>, Vec<Diagnostic>> {
    let config = Renderer::new(intent).render(name)?;
    let paths: Vec<&String> = intent.templates.keys().collect();
    let marked = Renderer::with_sources(intent, |path, source| {
        let index = paths.iter().position(|own| *own == path).unwrap_or(0);
        mark_lines(index, source)
    });
    // A template may look at text that it captured; with marks in it, it may fail or take another way.
    let marked = marked.render(name).map(|config| config.text).unwrap_or_default();
    let (mut lines, mut places) = (Vec::new(), Vec::new());
    for line in marked.lines() {
        let (text, mark) = unmark(line);
        let place = mark.and_then(|(index, line)| {
            let path = paths.get(index)?;
            at_template(Diagnostic::warning(""), path, line)
                .place
                .filter(|place| place.path.starts_with(TEMPLATES_FOLDER))
        });
        lines.push(text);
        places.push(place);
    }
    Ok(align(&config.text, &lines, &places))
}

/// Puts a mark before the first text or expression of every line. A mark is no white space and stands behind the white
/// space that the engine trims, so that trimming does the same as without it.
fn mark_lines(index: usize, source: &str) -> String {
    let mut marked = String::with_capacity(source.len() * 2);
    let (mut line, mut is_marked) = (1, false);
    for piece in pieces(source) {
        match piece {
            Piece::Text(text) => {
                for c in text.chars() {
                    if c == '\n' {
                        (line, is_marked) = (line + 1, false);
                    } else if !c.is_whitespace() && !is_marked {
                        marked.push_str(&mark(index, line));
                        is_marked = true;
                    }
                    marked.push(c);
                }
            }
            Piece::Expression(tag) => {
                if !is_marked && !tag.starts_with("{{-") {
                    marked.push_str(&mark(index, line));
                    is_marked = true;
                }
                marked.push_str(tag);
                line += tag.matches('\n').count();
            }
            Piece::Block(tag) | Piece::Comment(tag) => {
                marked.push_str(tag);
                line += tag.matches('\n').count();
            }
        }
    }
    marked
}

fn mark(index: usize, line: usize) -> String {
    format!("{OPEN}{index}:{line}{CLOSE}")
}

/// Returns the line without marks, and the first mark.
fn unmark(line: &str) -> (String, Option<(usize, usize)>) {
    let mut text = String::with_capacity(line.len());
    let mut first = None;
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(OPEN) {
        text.push_str(before);
        let Some((inside, after)) = after.split_once(CLOSE) else {
            rest = after;
            break;
        };
        let numbers = inside.split_once(':').and_then(|(index, line)| Some((index.parse().ok()?, line.parse().ok()?)));
        first = first.or(numbers);
        rest = after;
    }
    text.push_str(rest);
    (text, first)
}

/// Gives each line of the config the place of the same line of the marked output.
fn align(config: &str, lines: &[String], places: &[Option<Place>]) -> Vec<Option<Place>> {
    let own: Vec<&str> = config.lines().collect();
    let marked: Vec<&str> = lines.iter().map(String::as_str).collect();
    if own == marked {
        return places.to_vec();
    }
    let mut found = vec![None; own.len()];
    for operation in capture_diff_slices(Algorithm::Myers, &own, &marked) {
        if operation.tag() == DiffTag::Equal {
            for (to, from) in operation.old_range().zip(operation.new_range()) {
                found[to].clone_from(&places[from]);
            }
        }
    }
    found
}
