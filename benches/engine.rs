//! Speed and memory of the configuration engine on generated IOS configurations, as Markdown tables.
//!
//! `--one LINES` measures one size and prints a JSON object: every size runs in a process of its own, so that the memory of one
//! is not hidden by another. `--write FOLDER` writes the pairs on which other tools are measured.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use reconverge::domain::config::dialect::Dialect;
use reconverge::domain::config::remediate::Scope;
use reconverge::domain::platform::Platform;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// Sizes of the growth table, in lines.
const SIZES: [usize; 5] = [1_000, 10_000, 40_000, 100_000, 1_000_000];
/// Size of the pairs on which other tools are measured, in lines.
const PAIR_LINES: usize = 40_000;
/// The pairs for other tools: a name, and one of how many blocks differs (0: none).
const PAIRS: [(&str, usize); 3] = [("the same", 0), ("one block in 100 differs", 100), ("one block in 10 differs", 10)];
/// Lines of one generated block.
const BLOCK_LINES: usize = 30;

/// Writes an IOS configuration of about `lines` lines out of blocks; one block in `changes` (0: none) is another one: an address,
/// a peer, a list entry that is gone.
fn config(lines: usize, changes: usize) -> String {
    let mut out = String::with_capacity(lines * 30);
    let blocks = lines.div_ceil(BLOCK_LINES);
    let differs = |block: usize| changes != 0 && block.is_multiple_of(changes);
    out.push_str("hostname bench\n!\n");
    for block in 0..blocks {
        interfaces(&mut out, block, differs(block));
    }
    out.push_str("router bgp 65000\n bgp log-neighbor-changes\n");
    for block in 0..blocks {
        let (a, b, c) = (block / 65_536 % 256, block / 256 % 256, block % 256);
        let asn = 64_512 + block % 1_000 + usize::from(differs(block));
        writeln!(out, " neighbor 172.{a}.{b}.{c} remote-as {asn}").unwrap();
        writeln!(out, " neighbor 172.{a}.{b}.{c} description peer {block}").unwrap();
        writeln!(out, " neighbor 172.{a}.{b}.{c} route-map RM-{block} in").unwrap();
    }
    out.push_str("!\n");
    for block in 0..blocks {
        policies(&mut out, block, differs(block));
    }
    out.push_str("end\n");
    out
}

/// Two interfaces and a route: 12 lines.
fn interfaces(out: &mut String, block: usize, differs: bool) {
    let (b, c) = (block / 250 % 250, block % 250);
    let to = if differs { "new" } else { "peer" };
    writeln!(out, "interface GigabitEthernet{}/{}/{block}", block / 1_000, block / 48 % 48).unwrap();
    writeln!(out, " description link {block} to {to}\n ip address 10.{b}.{c}.1 255.255.255.0").unwrap();
    writeln!(out, " ip ospf network point-to-point\n mtu 9000\n no shutdown\n!").unwrap();
    writeln!(out, "interface Vlan{block}\n description users {block}").unwrap();
    writeln!(out, " ip address 11.{b}.{c}.1 255.255.255.0").unwrap();
    out.push_str(if differs { " ip mtu 1400\n!\n" } else { " ip access-group USERS in\n ip mtu 1400\n!\n" });
    writeln!(out, "ip route 192.{b}.{c}.0 255.255.255.0 10.0.0.{}", if differs { 2 } else { 1 }).unwrap();
}

/// An access list, a prefix list and a route map: 10 lines.
fn policies(out: &mut String, block: usize, differs: bool) {
    let (b, c) = (block / 250 % 250, block % 250);
    writeln!(out, "ip access-list extended ACL-{block}\n 10 permit tcp 10.{b}.{c}.0 0.0.0.255 any eq 443").unwrap();
    if !differs {
        writeln!(out, " 20 permit udp 10.{b}.{c}.0 0.0.0.255 any eq 53").unwrap();
    }
    writeln!(out, " 30 deny ip any any\n!").unwrap();
    writeln!(out, "ip prefix-list PL-{block} seq 5 permit 10.{b}.{c}.0/24").unwrap();
    writeln!(out, "ip prefix-list PL-{block} seq 10 deny 0.0.0.0/0 le 32").unwrap();
    let preference = if differs { 200 } else { 100 };
    writeln!(out, "route-map RM-{block} permit 10\n match ip address prefix-list PL-{block}").unwrap();
    writeln!(out, " set local-preference {preference}\n!\nroute-map RM-{block} deny 20\n!").unwrap();
}

/// Reads a value of this process from the kernel, in bytes.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// Runs a few times and returns the best processor time in milliseconds, so that other work on the machine counts little.
fn best(mut run: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let times = (0..7).map(|_| {
        let start = now();
        run();
        now() - start
    });
    times.fold(f64::INFINITY, f64::min)
}

/// Measures one pair of texts: the memory first, while nothing else was allocated.
fn measure(dialect: &Dialect, old: &str, new: &str, base: f64) -> Value {
    let commands = {
        let (running, intended) = (dialect.parse(old), dialect.parse(new));
        dialect.remediate(&running, &intended, &Scope::Replace).operations().len()
    };
    let input = (old.len() + new.len()) as f64;
    let peak = (memory("VmHWM:") - base) / input;
    let parse = best(|| drop(dialect.parse(old)));
    let (running, intended) = (dialect.parse(old), dialect.parse(new));
    let remediate = best(|| drop(dialect.remediate(&running, &intended, &Scope::Replace)));
    let both = best(|| {
        let (a, b) = (dialect.parse(old), dialect.parse(new));
        drop(dialect.remediate(&a, &b, &Scope::Replace));
    });
    serde_json::json!({
        "lines": old.lines().count(), "parse_ms": parse, "remediate_ms": remediate, "both_ms": both, "operations": commands,
        "peak_per_input": peak,
    })
}

fn one(lines: usize) -> Value {
    let platform = Platform::built_in("cisco_iosxe").unwrap();
    // The first use of an expression builds its tables, whatever the size of the text.
    drop(platform.dialect.parse(&config(100, 0)));
    let base = memory("VmRSS:");
    let (old, new) = (config(lines, 0), config(lines, 10));
    measure(&platform.dialect, &old, &new, base)
}

/// Writes the pairs for other tools and what we need for them.
fn write(folder: &Path) {
    let platform = Platform::built_in("cisco_iosxe").unwrap();
    let running = config(PAIR_LINES, 0);
    std::fs::write(folder.join("running.cfg"), &running).unwrap();
    let mut rows = String::new();
    for (index, (name, changes)) in PAIRS.into_iter().enumerate() {
        let intended = config(PAIR_LINES, changes);
        std::fs::write(folder.join(format!("intended-{index}.cfg")), &intended).unwrap();
        let ours = measure(&platform.dialect, &running, &intended, 0.0);
        writeln!(rows, "{index}\t{name}\t{}\t{}", ours["both_ms"], ours["operations"]).unwrap();
    }
    std::fs::write(folder.join("reconverge.tsv"), rows).unwrap();
}

/// Prints the growth table; the exponent is the slope of the times over the sizes, both as logarithms.
fn growth() {
    println!(
        "| lines | parse | remediate | parse both and remediate | peak memory / both texts |\n|---|---|---|---|---|"
    );
    let mut points = Vec::new();
    for lines in SIZES {
        let output =
            Command::new(std::env::current_exe().unwrap()).args(["--one", &lines.to_string()]).output().unwrap();
        let row: Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |name: &str| row[name].as_f64().unwrap();
        println!(
            "| {} | {:.2} ms | {:.2} ms | {:.2} ms | {:.1} |",
            number("lines"),
            number("parse_ms"),
            number("remediate_ms"),
            number("both_ms"),
            number("peak_per_input")
        );
        points.push((number("lines").ln(), number("both_ms").ln()));
    }
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (sxx, sxy) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x * x, b + x * y));
    println!("\nThe growth exponent over these sizes is {:.3}.", (n * sxy - sx * sy) / (n * sxx - sx * sx));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--one", lines] => println!("{}", one(lines.parse().unwrap())),
        ["--write", folder] => write(Path::new(folder)),
        _ => growth(),
    }
}
