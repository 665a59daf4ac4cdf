//! HTTP client of the coordinator.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tracing::debug;

use super::http::message;
use super::interface::part;
use super::repeated_calls::RepeatedCalls;
use super::{AttemptExchange, BearerToken, ExchangeError, Note, certificate_pin, dropped};
use crate::protocol::{
    Assignment, AttemptKey, CheckpointFile, CheckpointKind, ClaimRequest, Digest, EndRequest,
    EndResponse, Fingerprint, HandshakeRequest, HandshakeResponse, Heartbeat, HeartbeatResponse,
    RequestRefusal, SAME_ISOFLOP, VERSION_HEADER, tls_provider, version,
};

/// Timeout of a request and its response, in addition to a wait on purpose. For a file, timeout
/// between two parts of it.
const ANSWER: Duration = Duration::from_secs(20);

/// Client of a coordinator.
pub(crate) struct CoordinatorClient {
    http: reqwest::Client,
    base: Url,
    calls: RepeatedCalls,
}

/// Address of a coordinator, and the credentials of a worker.
#[derive(Clone, Debug)]
pub struct CoordinatorAddress {
    /// `https://host:port`, or `http://` to this machine.
    pub url: String,
    /// The worker's token.
    pub token: BearerToken,
    /// Fingerprint of the coordinator's certificate. Without it, the system must trust the
    /// certificate.
    pub fingerprint: Option<Fingerprint>,
}

/// Reason to reject an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The address is not a URL.
    #[error("invalid coordinator address `{0}`: {1}")]
    Invalid(String, String),
    /// The token would be sent over the network unencrypted.
    #[error(
        "`{0}` would receive the token unencrypted: expected `https://`, or `http://` to this machine"
    )]
    Unencrypted(String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl CoordinatorClient {
    pub(crate) fn new(address: &CoordinatorAddress, note: Note) -> Result<Self, AddressError> {
        let base = Url::parse(&address.url)
            .map_err(|e| AddressError::Invalid(address.url.clone(), e.to_string()))?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, address.token.header())]);
        tls_provider();
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(ANSWER)
            .read_timeout(ANSWER + Duration::from_secs_f64(crate::protocol::LONGEST_WAIT_SECONDS))
            // Shorter than the coordinator's limit. Otherwise a request could reuse a connection
            // that the coordinator is closing.
            .pool_idle_timeout(Duration::from_secs(10));
        if is_here(&base) {
            http = http.no_proxy();
        } else if base.scheme() != "https" {
            return Err(AddressError::Unencrypted(address.url.clone()));
        }
        if let Some(fingerprint) = address.fingerprint {
            let pinned = certificate_pin::pinned(fingerprint);
            http = http
                .tls_backend_preconfigured(pinned.map_err(|e| AddressError::Tls(e.to_string()))?);
        }
        let http = http.build().map_err(|e| AddressError::Tls(message(&e)))?;
        Ok(Self {
            http,
            base,
            calls: RepeatedCalls::new("the coordinator", note),
        })
    }

    pub(crate) async fn hello(
        &self,
        hello: &HandshakeRequest,
    ) -> Result<HandshakeResponse, ExchangeError> {
        self.ask("v1/hello", hello, ANSWER).await
    }

    pub(crate) async fn claim(
        &self,
        room: &ClaimRequest,
    ) -> Result<Option<Assignment>, ExchangeError> {
        let wait = ANSWER + Duration::from_secs_f64(room.wait_seconds);
        self.ask("v1/claim", room, wait).await
    }

    /// Repeats a request until there is a response. Requests are idempotent, so the coordinator may
    /// receive one twice.
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ExchangeError> {
        let ask = || async {
            let request = self
                .request(Method::POST, path)?
                .json(message)
                .timeout(timeout);
            let response = answer(request).await?;
            response.json().await.map_err(unanswered)
        };
        self.calls.retry(ask).await
    }

    /// Appends the missing bytes of a blob to a file, as they arrive.
    async fn rest(&self, digest: &Digest, path: &Path) -> Result<(), ExchangeError> {
        let (mut file, from) = part(path).await?;
        let mut request = self.request(Method::GET, &format!("v1/blobs/{digest}"))?;
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let mut response = request.send().await.map_err(unanswered)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // The file is complete already.
            return Ok(());
        }
        response = good(response).await?;
        if from > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            file.set_len(0).await?;
        }
        let broken = |error: reqwest::Error| ExchangeError::NoResponse(error.to_string());
        while let Some(bytes) = response.chunk().await.map_err(broken)? {
            file.write_all(&bytes).await?;
        }
        // Otherwise the last bytes could still be missing in the file.
        file.sync_all().await?;
        let bytes = file.metadata().await?.len();
        debug!(%digest, from, bytes, "file received");
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ExchangeError> {
        let url = self.base.join(path);
        let url = url.map_err(|e| ExchangeError::NoResponse(e.to_string()))?;
        let request = self.http.request(method, url);
        Ok(request.header(VERSION_HEADER, version()))
    }
}

impl AttemptExchange for CoordinatorClient {
    async fn get(&self, digest: &Digest, part: &Path) -> Result<(), ExchangeError> {
        self.calls.retry(|| self.rest(digest, part)).await
    }

    async fn append(&self, beat: &Heartbeat) -> Result<HeartbeatResponse, ExchangeError> {
        self.ask("v1/beat", beat, ANSWER).await
    }

    async fn put(
        &self,
        AttemptKey {
            run,
            attempt,
            fence,
        }: &AttemptKey,
        (place, step, name): (CheckpointKind, u64, CheckpointFile),
        file: &Path,
    ) -> Result<(), ExchangeError> {
        let path = format!("v1/checkpoints/{run}/{attempt}/{fence}/{place}/{step}/{name}");
        let put = || async {
            // A checkpoint is removed only after newer ones, so a missing one was not the latest.
            let body = dropped(File::open(file).await, "cannot open a checkpoint");
            let body = body.ok_or(ExchangeError::Missing)?;
            let bytes = body.metadata().await?.len();
            answer(self.request(Method::PUT, &path)?.body(body)).await?;
            debug!(%place, step, file = %name, bytes, "file sent");
            Ok(())
        };
        self.calls.retry(put).await
    }

    async fn end(&self, end: &EndRequest) -> Result<EndResponse, ExchangeError> {
        self.ask("v1/end", end, ANSWER).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Response, ExchangeError> {
    good(request.send().await.map_err(unanswered)?).await
}

/// Returns a successful response, or the error that it reports.
async fn good(response: Response) -> Result<Response, ExchangeError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ExchangeError::Missing,
        StatusCode::UNAUTHORIZED => ExchangeError::refused(
            "the coordinator rejected the token: it is unknown or revoked",
            "make a token with `isoflop worker-token new NAME` on the coordinator's machine",
        ),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            let said = response.json().await;
            let said = said.map_or_else(|_| status.to_string(), |said: RequestRefusal| said.error);
            ExchangeError::NoResponse(said)
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ExchangeError::NoResponse("too many requests without a valid token".to_owned())
        }
        status => match response.json().await {
            Ok(refusal) => ExchangeError::Refused(refusal),
            Err(_) => ExchangeError::refused(
                format!("the coordinator refused the request: {status}"),
                SAME_ISOFLOP,
            ),
        },
    })
}

fn unanswered(error: reqwest::Error) -> ExchangeError {
    ExchangeError::NoResponse(message(&error))
}

/// Reports whether a URL is on this machine, such as the end of a tunnel.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
