//! Numbers for Prometheus, in its text format (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::Shared;

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let health = &shared.service.health;
    let mut out = String::new();
    let counter = |out: &mut String, name: &str, help: &str, value: u64| {
        let _ = writeln!(
            out,
            "# HELP reconverge_{name} {help}\n# TYPE reconverge_{name} counter\nreconverge_{name} {value}"
        );
    };
    counter(&mut out, "rounds_total", "Looks at the repository.", health.rounds.load(Ordering::Relaxed));
    counter(&mut out, "failed_rounds_total", "Looks that failed.", health.failed_rounds.load(Ordering::Relaxed));
    counter(&mut out, "runs_total", "Runs that were started.", health.runs.load(Ordering::Relaxed));
    let last = health.last_good_round_ms.load(Ordering::Relaxed);
    let _ = writeln!(
        out,
        "# HELP reconverge_last_good_round_timestamp_seconds When the repository was last read.\n\
         # TYPE reconverge_last_good_round_timestamp_seconds gauge\n\
         reconverge_last_good_round_timestamp_seconds {}",
        last / 1000
    );
    if let Ok(devices) = shared.service.repository.context.devices().await {
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        for device in devices {
            *states.entry(device.state).or_default() += 1;
        }
        let _ = writeln!(out, "# HELP reconverge_devices Devices by state.\n# TYPE reconverge_devices gauge");
        for (state, number) in states {
            let _ = writeln!(out, "reconverge_devices{{state=\"{state}\"}} {number}");
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}
