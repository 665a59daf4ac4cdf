//! What workers call.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Json, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::time::{Instant, timeout_at};

use super::anteroom::Gate;
use super::certificate::Identity;
use super::desk::Desk;
use super::door::{Caller, Door, answer_to_strangers};
use super::files::{receive, send};
use crate::protocol::{
    Beat, BeatAnswer, ClaimRequest, End, EndAnswer, Hello, LONGEST_WAIT_SECONDS, MOST_JSON, Offer,
    Refusal, Welcome,
};

/// Longest time that a header may take to arrive, and a connection may say nothing between requests.
const HEADER_TIME: Duration = Duration::from_secs(15);

/// What a handler knows.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) desk: Arc<Desk>,
    pub(super) sweep: Arc<str>,
}

/// A request that cannot be answered.
pub(super) struct Failure(StatusCode, Refusal);

impl Failure {
    pub(super) fn new(status: StatusCode, error: impl ToString, hint: &str) -> Self {
        Self(
            status,
            Refusal {
                error: error.to_string(),
                hint: hint.to_owned(),
            },
        )
    }

    /// What the coordinator's own machine does not let it do: the worker tries again.
    pub(super) fn here(error: impl ToString) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error,
            "see what isoflop says at the coordinator",
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// Answers until the process ends.
///
/// # Errors
/// When it cannot listen.
pub(super) async fn serve(
    listener: TcpListener,
    identity: Option<Identity>,
    door: Arc<Door>,
    shared: Shared,
) -> std::io::Result<()> {
    let anteroom = door.anteroom();
    let make = routes(door, shared).into_make_service_with_connect_info::<SocketAddr>();
    let service = Gate::new(make, anteroom.clone());
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .first_request_timeout(HEADER_TIME);
    server
        .http_builder()
        .http1()
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(64 << 10);
    match identity {
        None => server.acceptor(anteroom).serve(service).await,
        Some(Identity { tls }) => {
            let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls)).acceptor(anteroom);
            server.acceptor(tls).serve(service).await
        }
    }
}

fn routes(door: Arc<Door>, shared: Shared) -> Router {
    Router::new()
        .route("/v1/hello", post(hello))
        .route("/v1/claim", post(claim))
        .route("/v1/beat", post(beat))
        .route("/v1/end", post(end))
        .route("/v1/blobs/{digest}", get(send))
        .route(
            "/v1/checkpoints/{run}/{attempt}/{fence}/{place}/{step}/{file}",
            put(receive),
        )
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(MOST_JSON))
        // Outermost: who is not known learns not even which routes there are.
        .layer(from_fn_with_state(door, answer_to_strangers))
        .with_state(shared)
}

async fn hello(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(_): Json<Hello>,
) -> Response {
    let isoflop = env!("CARGO_PKG_VERSION").to_owned();
    Json(Welcome {
        isoflop,
        worker: caller.worker,
        sweep: shared.sweep.to_string(),
    })
    .into_response()
}

async fn claim(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(room): Json<ClaimRequest>,
) -> Json<Option<Offer>> {
    let wait = if room.wait_seconds.is_finite() {
        room.wait_seconds.clamp(0.0, LONGEST_WAIT_SECONDS)
    } else {
        0.0
    };
    let until = Instant::now() + Duration::from_secs_f64(wait);
    loop {
        let news = shared.desk.news.notified();
        tokio::pin!(news);
        // What comes between the look and the wait is heard.
        news.as_mut().enable();
        let offer = shared
            .desk
            .office()
            .claim(&caller.worker, &room, std::time::Instant::now());
        if offer.is_some() || timeout_at(until, news).await.is_err() {
            return Json(offer);
        }
    }
}

async fn beat(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(beat): Json<Beat>,
) -> Result<Json<BeatAnswer>, Failure> {
    shared
        .desk
        .beat(&caller.worker, &beat)
        .map(Json)
        .map_err(Failure::here)
}

async fn end(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Json(end): Json<End>,
) -> Result<Json<EndAnswer>, Failure> {
    shared
        .desk
        .end(&caller.worker, end)
        .await
        .map(Json)
        .map_err(Failure::here)
}
