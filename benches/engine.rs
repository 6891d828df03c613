//! Speed of the configuration engine: parse and remediate generated IOS configurations, growth with size, memory.
//!
//! Prints one JSON object per line. `BENCH_OUT=DIR` also writes the pair of 40,000 lines, so that other tools can be
//! measured on the same files.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::time::Instant;

use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;

/// Writes an IOS-like configuration of about `lines` lines; `variant` changes one line in ten.
fn config(lines: usize, variant: bool) -> String {
    let mut out = String::with_capacity(lines * 32);
    out.push_str("hostname bench\n!\n");
    let mut written = 1;
    let mut number = 0;
    while written < lines {
        number += 1;
        let changed = variant && number % 10 == 0;
        out.push_str(&format!("interface GigabitEthernet{}/{}/{}\n", number / 1000, number / 48 % 48, number));
        out.push_str(&format!(" description link {} to {}\n", number, if changed { "new" } else { "peer" }));
        out.push_str(&format!(" ip address 10.{}.{}.1 255.255.255.0\n", number / 250 % 250, number % 250));
        out.push_str(" ip ospf network point-to-point\n");
        if !(changed && number % 20 == 0) {
            out.push_str(" mtu 9000\n");
        }
        out.push_str(" no shutdown\n!\n");
        written += 6;
        if number % 4 == 0 {
            out.push_str(&format!(
                "ip route 172.{}.{}.0 255.255.255.0 10.0.0.{}\n",
                16 + number / 65_536 % 16,
                number / 256 % 256,
                if changed { 2 } else { 1 }
            ));
            written += 1;
        }
    }
    out.push_str("end\n");
    out
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Runs a few times and returns the best time in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let platform = Platform::built_in("cisco_iosxe").unwrap();
    let dialect = &platform.dialect;
    let mut points = Vec::new();
    for lines in [1_000, 10_000, 40_000, 100_000, 1_000_000] {
        let (old, new) = (config(lines, false), config(lines, true));
        if lines == 40_000
            && let Ok(folder) = std::env::var("BENCH_OUT")
        {
            std::fs::write(format!("{folder}/running.cfg"), &old).unwrap();
            std::fs::write(format!("{folder}/intended.cfg"), &new).unwrap();
        }
        let parse = best(|| drop(dialect.parse(&old)));
        let (running, intended) = (dialect.parse(&old), dialect.parse(&new));
        let mut commands = 0;
        let remediate = best(|| commands = dialect.remediate(&running, &intended, &Scope::Replace).operations().len());
        let both = best(|| {
            let (a, b) = (dialect.parse(&old), dialect.parse(&new));
            drop(dialect.remediate(&a, &b, &Scope::Replace));
        });
        let input = old.len() + new.len();
        println!(
            "{}",
            serde_json::json!({
                "lines": lines, "parse_ms": parse * 1e3, "remediate_ms": remediate * 1e3, "both_ms": both * 1e3,
                "operations": commands, "input_bytes": input, "peak_kib": memory_kib(),
                "peak_per_input": memory_kib() as f64 * 1024.0 / input as f64,
            })
        );
        points.push(((lines as f64).ln(), both.ln()));
    }
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (sxx, sxy) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x * x, b + x * y));
    println!("{}", serde_json::json!({ "growth_exponent": (n * sxy - sx * sy) / (n * sxx - sx * sx) }));
}
