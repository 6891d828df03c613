//! Durations and simple intervals as people write them: `30s`, `5m`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// Longest interval that a file may contain.
pub const INTERVAL_DAYS_MAX: u64 = 366;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A length of time in whole milliseconds, written with units: `500ms`, `30s`, `5m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Interval {
    milliseconds: u64,
}

impl Interval {
    /// Makes an interval of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds * 1000 }
    }

    /// Makes an interval of milliseconds.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// Returns it as the standard type.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a length of time: write 30s, 5m, 1h30m or 2d");
        let mut rest = text;
        let mut total: u64 = 0;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            // Units go down, so that `5m1h` and `5m5m` are typing errors.
            if *size >= smallest {
                return Err(wrong());
            }
            smallest = *size;
            let number: u64 = number.parse().map_err(|_| wrong())?;
            total = number.checked_mul(*size).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            rest = tail;
        }
        if text.is_empty() {
            return Err(wrong());
        }
        if total > INTERVAL_DAYS_MAX * 86_400_000 {
            return Err(format!("{text:?} is longer than {INTERVAL_DAYS_MAX} days"));
        }
        Ok(Self { milliseconds: total })
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Interval;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as 30s or 5m")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Interval, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Interval, E> {
                Err(E::custom(format!("{number} has no unit: write {number}s, {number}m or {number}h")))
            }
        }
        from.deserialize_any(Text)
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.milliseconds;
        for (unit, size) in UNITS.iter().rev() {
            if rest >= *size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: 500ms, 30s, 5m, 1h30m, 2d",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_read_and_print() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("0s", 0)] {
            let interval: Interval = text.parse().expect("an interval");
            assert_eq!((interval.duration(), interval.to_string()), (Duration::from_millis(ms), text.to_owned()));
        }
        assert_eq!("90s".parse::<Interval>().map(|i| i.to_string()), Ok("1m30s".to_owned()));
        for bad in ["", "30", "s", "5m1h", "1s1s", "1.5h", "-1s", "400d", "99999999999999999999s", "1 h", "1w"] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }
}
