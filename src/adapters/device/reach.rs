//! Whether something can be reached from here: a TCP connection, ping, traceroute. Arguments are checked and no shell runs.

use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use regex::Regex;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::{DeviceError, DeviceProblem};

/// Most pings of one check.
const PINGS_MAX: u32 = 100;
/// Most hops of a traceroute; the largest hop limit of IP.
const HOPS_MAX: u32 = 255;
/// Longest output of a program that is looked at, in bytes.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

/// What pings said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pinged {
    /// How many were sent.
    pub sent: u32,
    /// How many were answered.
    pub received: u32,
    /// The mean time of an answer in milliseconds; nothing without answers.
    pub average_ms: Option<f64>,
}

/// One hop of a traceroute.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// Its number, from 1.
    pub number: u32,
    /// Who answered; nothing when nobody did.
    pub address: Option<IpAddr>,
    /// The time of the answer in milliseconds.
    pub time_ms: Option<f64>,
}

/// Opens a TCP connection and closes it; returns how long that took.
///
/// # Errors
/// `Refused` with `Timeout` or `Unreachable`.
pub async fn tcp(address: &str, port: u16, wait: Duration) -> Result<Duration, DeviceError> {
    check_address(address)?;
    let started = Instant::now();
    match timeout(wait, TcpStream::connect((address, port))).await {
        Ok(Ok(_)) => Ok(started.elapsed()),
        Ok(Err(error)) => {
            let message = format!("cannot connect to {address}:{port}: {}", error.to_string().to_lowercase());
            Err(DeviceError::refused(DeviceProblem::Unreachable, message))
        }
        Err(_) => {
            let message = format!("no TCP connection to {address}:{port} within {wait:?}");
            Err(DeviceError::refused(DeviceProblem::Timeout, message))
        }
    }
}

/// Pings an address with the system's `ping`. No answer at all is a result, not an error.
///
/// # Errors
/// `Refused` when the address is none, or `ping` cannot run or says something else.
pub async fn ping(address: &str, count: u32, wait: Duration) -> Result<Pinged, DeviceError> {
    check_address(address)?;
    let (count, seconds) = (count.clamp(1, PINGS_MAX), whole_seconds(wait));
    let arguments = ["-n", "-q", "-c", &count.to_string(), "-W", &seconds.to_string(), "--", address];
    // a ping each second, and the wait for the last answer
    let bound = Duration::from_secs(u64::from(count)) + wait + Duration::from_secs(5);
    let text = output("ping", &arguments, bound).await?;
    read_ping(&text).ok_or_else(|| not_understood("ping", address, &text))
}

/// Follows the way to an address with the system's `traceroute`.
///
/// # Errors
/// `Refused` when the address is none, or `traceroute` cannot run or says something else.
pub async fn traceroute(address: &str, hops_max: u32, wait: Duration) -> Result<Vec<Hop>, DeviceError> {
    check_address(address)?;
    let (hops, seconds) = (hops_max.clamp(1, HOPS_MAX), whole_seconds(wait));
    let arguments = ["-n", "-q", "1", "-m", &hops.to_string(), "-w", &seconds.to_string(), "--", address];
    let bound = (wait + Duration::from_secs(1)) * hops + Duration::from_secs(5);
    let text = output("traceroute", &arguments, bound).await?;
    let found = read_hops(&text);
    if found.is_empty() { Err(not_understood("traceroute", address, &text)) } else { Ok(found) }
}

/// Checks that a text is an address or a host name, and nothing that a program would take for an option.
///
/// # Errors
/// `Refused`.
pub fn check_address(address: &str) -> Result<(), DeviceError> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_host =
        !address.is_empty() && address.len() <= 253 && !address.starts_with(['-', '.']) && address.chars().all(is_name);
    if is_host || address.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let message = format!("{address:?} is not an address or a host name");
    Err(DeviceError::refused(DeviceProblem::Protocol, message))
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().clamp(1, 60)
}

async fn output(program: &str, arguments: &[&str], bound: Duration) -> Result<String, DeviceError> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    match timeout(bound, command.output()).await {
        Err(_) => Err(DeviceError::refused(DeviceProblem::Timeout, format!("{program} did not end within {bound:?}"))),
        Ok(Err(error)) => {
            let message = format!("{program} cannot be run here: {}", error.to_string().to_lowercase());
            Err(DeviceError::refused(DeviceProblem::Protocol, message)
                .hint(format!("install {program} beside reconverge")))
        }
        Ok(Ok(output)) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            let mut end = text.len().min(OUTPUT_BYTES_MAX);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            Ok(text)
        }
    }
}

fn not_understood(program: &str, address: &str, text: &str) -> DeviceError {
    let words: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    DeviceError::refused(DeviceProblem::Unreachable, format!("{program} {address} says `{words}`"))
}

fn read_ping(text: &str) -> Option<Pinged> {
    let counts = Regex::new(r"(\d+) packets transmitted, (\d+) (?:packets )?received").ok()?.captures(text)?;
    let times = Regex::new(r"(?:rtt|round-trip) min/avg/max\S* = [\d.]+/([\d.]+)/").ok()?;
    Some(Pinged {
        sent: counts[1].parse().ok()?,
        received: counts[2].parse().ok()?,
        average_ms: times.captures(text).and_then(|times| times[1].parse().ok()),
    })
}

fn read_hops(text: &str) -> Vec<Hop> {
    let Ok(row) = Regex::new(r"^\s*(\d+)\s+(?:\*|(\S+)\s+([\d.]+) ms)") else { return Vec::new() };
    let hop = |line: &str| {
        let row = row.captures(line)?;
        let address = row.get(2).and_then(|address| address.as_str().parse().ok());
        let time_ms = row.get(3).and_then(|time| time.as_str().parse().ok());
        Some(Hop { number: row[1].parse().ok()?, address, time_ms })
    };
    text.lines().filter_map(hop).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read() {
        let text = "PING a (192.0.2.1) 56(84) bytes of data.\n\n--- a ping statistics ---\n\
                    3 packets transmitted, 2 received, 33% packet loss, time 2003ms\n\
                    rtt min/avg/max/mdev = 0.028/0.041/0.055/0.011 ms\n";
        assert_eq!(read_ping(text), Some(Pinged { sent: 3, received: 2, average_ms: Some(0.041) }));
        let none = "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1019ms\n";
        assert_eq!(read_ping(none), Some(Pinged { sent: 2, received: 0, average_ms: None }));
        assert_eq!(read_ping("ping: nowhere: Name or service not known"), None);
        let text = "traceroute to 192.0.2.9 (192.0.2.9), 30 hops max, 60 byte packets\n 1  192.0.2.1  0.4 ms\n 2  *\n \
                    3  192.0.2.9  1.25 ms !X\n";
        let found: Vec<_> =
            read_hops(text).into_iter().map(|hop| (hop.number, hop.address.is_some(), hop.time_ms)).collect();
        assert_eq!(found, [(1, true, Some(0.4)), (2, false, None), (3, true, Some(1.25))]);
    }

    #[test]
    fn only_addresses_reach_a_program() {
        for good in ["192.0.2.1", "2001:db8::1", "r1.example", "r_1"] {
            assert!(check_address(good).is_ok(), "{good}");
        }
        for bad in ["", "-f", "a b", "a;reboot", "$(x)", ".a", "a\n", "fe80::1%eth0", &"a".repeat(254)] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
