//! `print!` and its relatives as all commands use them: a reader that went away (`| head -1`) is no error, a full disk is.
//!
//! The macros of the standard library panic in both cases. These are declared before all commands, so that none can forget.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};
use std::sync::Mutex;

/// Why the output is not complete, if somebody should know.
static LOST: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Prints on standard output.
macro_rules! print {
    ($($argument:tt)*) => { $crate::cli::console::out(format_args!($($argument)*)) };
}

/// Prints a line on standard output.
macro_rules! println {
    () => { $crate::cli::console::out(format_args!("\n")) };
    ($($argument:tt)*) => { $crate::cli::console::out(format_args!("{}\n", format_args!($($argument)*))) };
}

/// Prints a line on standard error.
macro_rules! eprintln {
    ($($argument:tt)*) => { $crate::cli::console::err(format_args!("{}\n", format_args!($($argument)*))) };
}

/// Writes to standard output.
pub(super) fn out(text: Arguments<'_>) {
    note(std::io::stdout().lock().write_fmt(text));
}

/// Writes to standard error. There is no other place to complain.
pub(super) fn err(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}

/// Writes out what waits; tells whether everything that somebody reads was written.
pub(super) fn finish() -> bool {
    note(std::io::stdout().lock().flush());
    let lost = LOST.lock().ok().and_then(|mut lost| lost.take());
    if let Some(error) = &lost {
        err(format_args!("error: the output is not complete: {error}\n"));
    }
    lost.is_none()
}

fn note(result: std::io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(error);
    }
}
