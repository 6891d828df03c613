//! How a login on the terminal itself looks: what asks for the name and the password, and what refuses them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The questions of a login on a terminal. Patterns fit the last line of the output, or any line for `failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginPrompts {
    /// Asks for the name.
    pub user: String,
    /// Asks for the password.
    pub password: String,
    /// Says that they were not accepted.
    pub failed: String,
}

impl Default for LoginPrompts {
    fn default() -> Self {
        Self {
            user: r"(?i)(user ?name|user|login|name)\s*:\s*$".into(),
            password: r"(?i)pass(word|phrase|code)?\b[^:]*:\s*$".into(),
            failed: r"(?i)(login|password|authentication|username)\b.*\b(incorrect|invalid|failed|fail|failure|denied|wrong|error)|(?i)access denied|(?i)bad password"
                .into(),
        }
    }
}
