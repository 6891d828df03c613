//! Ways in over HTTP: health, metrics and a read-only API. Nothing here changes the network.

mod api;
mod metrics;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::domain::secret::Secret;
use crate::engine::main_loop::Service;

/// What the handlers need.
#[derive(Clone)]
pub struct Shared {
    /// The service they speak for.
    pub service: Service,
    /// What a caller of the API must show; nothing when the service listens on this machine only.
    pub token: Option<Secret>,
}

/// Returns everything that the service answers.
pub fn router(shared: Shared) -> Router {
    let shared = Arc::new(shared);
    let api = Router::new()
        .route("/devices", get(api::devices))
        .route("/plans", get(api::plans))
        .route("/plans/{id}", get(api::plan))
        .route("/runs", get(api::runs))
        .route("/runs/{id}", get(api::run))
        .route("/repository", get(api::repository))
        .route("/repository/look", post(api::look))
        .layer(from_fn_with_state(shared.clone(), authorised));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(api::ready))
        .route("/metrics", get(metrics::show).layer(from_fn_with_state(shared.clone(), authorised)))
        .nest("/api/v1", api)
        .with_state(shared)
}

/// Lets a request through when it shows the token, compared in constant time.
async fn authorised(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(token) = &shared.token else { return next.run(request).await };
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if same(shown.as_bytes(), token.expose().as_bytes()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "a token is needed\n").into_response()
}

fn same(a: &[u8], b: &[u8]) -> bool {
    use sha2::{Digest as _, Sha256};
    // Hashing first makes the comparison independent of the lengths and of the first difference.
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b.iter()).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}
