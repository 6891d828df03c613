//! What we know about one network operating system: one YAML page per platform.
