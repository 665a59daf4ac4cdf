//! Calls to the coordinator.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

use super::calls::{CallFailure, Calls};
use super::http::words;
use super::{Note, Token, pin};
use crate::protocol::{
    Beat, BeatAnswer, CheckpointFile, ClaimRequest, Digest, End, EndAnswer, Fingerprint, Held,
    Hello, Offer, Place, Refusal, VERSION_HEADER, Welcome, tls_provider, version,
};

/// Longest time for a message and its answer, beside what is waited for on purpose; for a file, between two parts of it.
const ANSWER: Duration = Duration::from_secs(20);

/// The coordinator, as a worker knows it.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    calls: Calls,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// It was not answered, or not by the coordinator: another call may be.
    Unanswered(String),
    /// The attempt, or the file, is not there any more.
    Gone,
    /// There is nothing after the byte that was asked for.
    PastEnd,
    /// This machine does not let it be done.
    Here(std::io::Error),
    /// It would be refused again.
    Refused(Refusal),
}

impl CallFailure for CallError {
    fn unanswered(self) -> Result<String, Self> {
        match self {
            Self::Unanswered(reason) => Ok(reason),
            other => Err(other),
        }
    }
}

/// Where the coordinator is, and who calls.
#[derive(Clone, Debug)]
pub struct Address {
    /// `https://host:port`, or `http://` to this machine.
    pub url: String,
    /// The worker's token.
    pub token: Token,
    /// The coordinator's certificate; without, one that the system trusts.
    pub fingerprint: Option<Fingerprint>,
}

/// Why an address cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is none.
    #[error("`{0}` is no address of a coordinator: {1}")]
    Invalid(String, String),
    /// The token would go over the network for all to read.
    #[error("`{0}` is not on this machine and not https: the token would go there in the clear")]
    Clear(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Client {
    pub(crate) fn new(address: &Address, note: Note) -> Result<Self, AddressError> {
        let base = Url::parse(&address.url)
            .map_err(|e| AddressError::Invalid(address.url.clone(), e.to_string()))?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, address.token.header())]);
        tls_provider();
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(ANSWER)
            .read_timeout(ANSWER + Duration::from_secs_f64(crate::protocol::LONGEST_WAIT_SECONDS))
            // Shorter than the coordinator's: a call finds no connection that the other side is just closing.
            .pool_idle_timeout(Duration::from_secs(10));
        if is_here(&base) {
            http = http.no_proxy();
        } else if base.scheme() != "https" {
            return Err(AddressError::Clear(address.url.clone()));
        }
        if let Some(fingerprint) = address.fingerprint {
            let pinned = pin::pinned(fingerprint);
            http = http
                .tls_backend_preconfigured(pinned.map_err(|e| AddressError::Tls(e.to_string()))?);
        }
        let http = http.build().map_err(|e| AddressError::Tls(words(&e)))?;
        Ok(Self {
            http,
            base,
            calls: Calls::new("the coordinator", note),
        })
    }

    pub(crate) async fn hello(&self, hello: &Hello) -> Result<Welcome, CallError> {
        self.persist(|| self.json("v1/hello", hello, ANSWER)).await
    }

    pub(crate) async fn claim(&self, room: &ClaimRequest) -> Result<Option<Offer>, CallError> {
        let wait = ANSWER + Duration::from_secs_f64(room.wait_seconds);
        self.persist(|| self.json("v1/claim", room, wait)).await
    }

    pub(crate) async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, CallError> {
        self.persist(|| self.json("v1/beat", beat, ANSWER)).await
    }

    pub(crate) async fn end(&self, end: &End) -> Result<EndAnswer, CallError> {
        self.persist(|| self.json("v1/end", end, ANSWER)).await
    }

    /// The bytes of a digest from a byte on, as they arrive.
    async fn blob(&self, digest: &Digest, from: u64) -> Result<Response, CallError> {
        let mut request = self.request(Method::GET, &format!("v1/blobs/{digest}"))?;
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        self.answer(request).await
    }

    /// Adds to a file what is missing of the bytes of a digest.
    pub(crate) async fn rest(&self, digest: &Digest, part: &Path) -> Result<(), CallError> {
        let here = CallError::Here;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(part)
            .await
            .map_err(here)?;
        let from = file.metadata().await.map_err(here)?.len();
        let mut response = match self.blob(digest, from).await {
            Err(CallError::PastEnd) => return Ok(()),
            response => response?,
        };
        if from > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            file.set_len(0).await.map_err(here)?;
        }
        while let Some(bytes) = response
            .chunk()
            .await
            .map_err(|e| CallError::Unanswered(e.to_string()))?
        {
            file.write_all(&bytes).await.map_err(here)?;
        }
        file.sync_all().await.map_err(here)
    }

    /// Delivers a file of a checkpoint.
    pub(crate) async fn deliver(
        &self,
        Held {
            run,
            attempt,
            fence,
        }: &Held,
        (place, step, name): (Place, u64, CheckpointFile),
        file: &Path,
    ) -> Result<(), CallError> {
        let path = format!("v1/checkpoints/{run}/{attempt}/{fence}/{place}/{step}/{name}");
        self.persist(|| async {
            // A checkpoint that is not there any more was not the latest.
            let Ok(body) = tokio::fs::File::open(file).await else {
                return Err(CallError::Gone);
            };
            self.answer(self.request(Method::PUT, &path)?.body(body))
                .await
                .map(drop)
        })
        .await
    }

    /// Calls again until there is an answer: what is asked for does not change, and neither does what the coordinator does by hearing
    /// it twice.
    pub(crate) async fn persist<T, F>(&self, call: impl FnMut() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.calls.persist(call).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let request = self
            .request(Method::POST, path)?
            .json(message)
            .timeout(timeout);
        let response = self.answer(request).await?;
        response
            .json()
            .await
            .map_err(|e| CallError::Unanswered(words(&e)))
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CallError> {
        let url = self
            .base
            .join(path)
            .map_err(|e| CallError::Unanswered(e.to_string()))?;
        Ok(self
            .http
            .request(method, url)
            .header(VERSION_HEADER, version()))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response = request
            .send()
            .await
            .map_err(|e| CallError::Unanswered(words(&e)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let refusal = |error: &str, hint: &str| Refusal {
            error: error.to_owned(),
            hint: hint.to_owned(),
        };
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => CallError::Gone,
            StatusCode::RANGE_NOT_SATISFIABLE => CallError::PastEnd,
            StatusCode::UNAUTHORIZED => CallError::Refused(refusal(
                "the coordinator does not know this token, or it was revoked",
                "make one there with `isoflop worker-token new NAME`",
            )),
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                let said = response
                    .json()
                    .await
                    .map_or_else(|_| status.to_string(), |said: Refusal| said.error);
                CallError::Unanswered(said)
            }
            StatusCode::TOO_MANY_REQUESTS => {
                CallError::Unanswered("too many calls without a good token".to_owned())
            }
            status => CallError::Refused(response.json().await.unwrap_or_else(|_| {
                refusal(
                    &format!("the coordinator refuses: {status}"),
                    "install the same isoflop on both machines",
                )
            })),
        })
    }
}

/// Whether it is on this machine, behind a tunnel say.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
