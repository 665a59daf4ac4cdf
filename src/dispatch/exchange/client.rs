//! Calls to the coordinator.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tracing::debug;

use super::calls::Calls;
use super::http::words;
use super::interface::part;
use super::{Exchange, ExchangeError, Note, Token, dropped, pin};
use crate::protocol::{
    Beat, BeatAnswer, CheckpointFile, ClaimRequest, Digest, End, EndAnswer, Fingerprint, Held,
    Hello, Offer, Place, Refusal, SAME_ISOFLOP, VERSION_HEADER, Welcome, tls_provider, version,
};

/// Longest time for a message and its answer, beside what is waited for on purpose; for a file, between two parts of it.
const ANSWER: Duration = Duration::from_secs(20);

/// The coordinator, as a worker knows it.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    calls: Calls,
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

    pub(crate) async fn hello(&self, hello: &Hello) -> Result<Welcome, ExchangeError> {
        self.ask("v1/hello", hello, ANSWER).await
    }

    pub(crate) async fn claim(&self, room: &ClaimRequest) -> Result<Option<Offer>, ExchangeError> {
        let wait = ANSWER + Duration::from_secs_f64(room.wait_seconds);
        self.ask("v1/claim", room, wait).await
    }

    /// Calls again until there is an answer: what is asked for does not change, and neither does what the coordinator does by hearing
    /// it twice.
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
        self.calls.persist(ask).await
    }

    /// Adds to a file what is missing of the bytes of a digest, as they arrive.
    async fn rest(&self, digest: &Digest, path: &Path) -> Result<(), ExchangeError> {
        let (mut file, from) = part(path).await?;
        let mut request = self.request(Method::GET, &format!("v1/blobs/{digest}"))?;
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let mut response = request.send().await.map_err(unanswered)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // There is nothing after it.
            return Ok(());
        }
        response = good(response).await?;
        if from > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            file.set_len(0).await?;
        }
        let broken = |error: reqwest::Error| ExchangeError::Unanswered(error.to_string());
        while let Some(bytes) = response.chunk().await.map_err(broken)? {
            file.write_all(&bytes).await?;
        }
        // Until this returns, the last bytes may not be in the file.
        file.sync_all().await?;
        let bytes = file.metadata().await?.len();
        debug!(%digest, from, bytes, "a file has come");
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ExchangeError> {
        let url = self.base.join(path);
        let url = url.map_err(|e| ExchangeError::Unanswered(e.to_string()))?;
        let request = self.http.request(method, url);
        Ok(request.header(VERSION_HEADER, version()))
    }
}

impl Exchange for Client {
    async fn get(&self, digest: &Digest, part: &Path) -> Result<(), ExchangeError> {
        self.calls.persist(|| self.rest(digest, part)).await
    }

    async fn append(&self, beat: &Beat) -> Result<BeatAnswer, ExchangeError> {
        self.ask("v1/beat", beat, ANSWER).await
    }

    async fn put(
        &self,
        Held {
            run,
            attempt,
            fence,
        }: &Held,
        (place, step, name): (Place, u64, CheckpointFile),
        file: &Path,
    ) -> Result<(), ExchangeError> {
        let path = format!("v1/checkpoints/{run}/{attempt}/{fence}/{place}/{step}/{name}");
        let put = || async {
            // A checkpoint that is not there any more was not the latest.
            let body = dropped(File::open(file).await, "a checkpoint was not opened");
            let body = body.ok_or(ExchangeError::Missing)?;
            let bytes = body.metadata().await?.len();
            answer(self.request(Method::PUT, &path)?.body(body)).await?;
            debug!(%place, step, file = %name, bytes, "a file is sent");
            Ok(())
        };
        self.calls.persist(put).await
    }

    async fn end(&self, end: &End) -> Result<EndAnswer, ExchangeError> {
        self.ask("v1/end", end, ANSWER).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Response, ExchangeError> {
    good(request.send().await.map_err(unanswered)?).await
}

/// An answer that is no error.
async fn good(response: Response) -> Result<Response, ExchangeError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ExchangeError::Missing,
        StatusCode::UNAUTHORIZED => ExchangeError::refused(
            "the coordinator does not know this token, or it was revoked",
            "make one there with `isoflop worker-token new NAME`",
        ),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            let said = response.json().await;
            let said = said.map_or_else(|_| status.to_string(), |said: Refusal| said.error);
            ExchangeError::Unanswered(said)
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ExchangeError::Unanswered("too many calls without a good token".to_owned())
        }
        status => match response.json().await {
            Ok(refusal) => ExchangeError::Refused(refusal),
            Err(_) => {
                ExchangeError::refused(format!("the coordinator refuses: {status}"), SAME_ISOFLOP)
            }
        },
    })
}

fn unanswered(error: reqwest::Error) -> ExchangeError {
    ExchangeError::Unanswered(words(&error))
}

/// Whether it is on this machine, behind a tunnel say.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
