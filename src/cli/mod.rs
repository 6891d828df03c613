//! Ways in from a shell.
