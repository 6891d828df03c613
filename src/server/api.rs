//! The read-only API: JSON views of what the service knows, problems as RFC 9457 says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use crate::domain::report;

/// Most entries of one listing.
const LISTED_MAX: usize = 100;
/// A service whose last good look is older than so many poll intervals is not ready.
const INTERVALS_MAX: u32 = 4;

/// An answer that is not what was asked for.
pub(super) struct Failed(StatusCode, String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let body = json!({ "title": self.0.canonical_reason(), "status": self.0.as_u16(), "detail": self.1 });
        (self.0, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

fn broken(error: anyhow::Error) -> Failed {
    tracing::error!(error = format!("{error:#}"), "an API call failed");
    Failed(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read".into())
}

fn missing(what: &str) -> impl Fn(anyhow::Error) -> Failed + '_ {
    move |_| Failed(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

type Answer = Result<Json<Value>, Failed>;

pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let last = shared.service.health.last_good_round_ms.load(Ordering::Relaxed);
    let now = shared.service.repository.context.clock.now().as_millisecond();
    let most = (shared.service.poll * INTERVALS_MAX).as_millis().max(30_000);
    let age = u128::from(now.saturating_sub(last).unsigned_abs());
    if last > 0 && age <= most {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "the repository was not read lately\n").into_response()
}

pub(super) async fn devices(State(shared): State<Arc<Shared>>) -> Answer {
    let devices = shared.service.repository.context.devices().await.map_err(broken)?;
    Ok(Json(json!({ "devices": devices })))
}

pub(super) async fn plans(State(shared): State<Arc<Shared>>) -> Answer {
    let plans = shared.service.repository.context.plans(LISTED_MAX).await.map_err(broken)?;
    let short = |plan: &crate::domain::plan::Plan| {
        json!({
            "id": plan.id,
            "created_at": plan.created_at,
            "revision": plan.content.revision,
            "verdict": report::plan_verdict(plan),
            "risk": plan.risk(),
        })
    };
    Ok(Json(json!({ "plans": plans.iter().map(short).collect::<Vec<_>>() })))
}

pub(super) async fn plan(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let id = id.parse().map_err(|_| Failed(StatusCode::NOT_FOUND, "there is no such plan".into()))?;
    let plan = shared.service.repository.context.stored(&id).await.map_err(missing("plan"))?;
    Ok(Json(serde_json::to_value(plan).map_err(|error| broken(error.into()))?))
}

pub(super) async fn runs(State(shared): State<Arc<Shared>>) -> Answer {
    let runs = shared.service.repository.context.runs(LISTED_MAX).await.map_err(broken)?;
    Ok(Json(json!({ "runs": runs })))
}

pub(super) async fn run(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let id = id.parse().map_err(|_| Failed(StatusCode::NOT_FOUND, "there is no such run".into()))?;
    let run = shared.service.repository.context.run(&id).await.map_err(missing("run"))?;
    Ok(Json(serde_json::to_value(run).map_err(|error| broken(error.into()))?))
}

pub(super) async fn repository(State(shared): State<Arc<Shared>>) -> Answer {
    let status = shared.service.repository.context.repository_status().await.map_err(broken)?;
    Ok(Json(json!({ "repository": shared.service.repository.context.repository, "status": status })))
}

/// Wakes the loop. The answer says nothing about what it will find.
pub(super) async fn look(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.service.wake.notify_one();
    StatusCode::ACCEPTED
}
