//! Ways in over HTTP.
