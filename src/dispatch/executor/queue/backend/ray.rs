//! Queue backend for Ray, by the REST API of Ray Jobs.

mod answers;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{BackendSetupError, QueueBackend};
use crate::exchange::{BackendError, BearerToken, dropped, http};
use crate::executor::queue::job::{QueueJob, quoted};
use answers::{RayResponse, RayState, jobs, one_job, taken};
use isoflop_core::run::TerminationReason;
use isoflop_sweep::RayExecutor;

/// Timeout of a request. Ray's head starts an agent before it accepts its first job.
const ANSWER: Duration = Duration::from_secs(60);

/// Maximum bytes of a response. Ray lists all jobs that it remembers, with their last output.
const LONGEST: usize = 256 << 20;

/// Queue backend for a Ray cluster.
#[derive(Debug)]
pub(crate) struct RayBackend {
    client: Client,
    token: Option<BearerToken>,
    address: String,
    settings: RayExecutor,
    /// Tags of jobs that were cancelled, possibly before they started.
    withdrawn: Mutex<HashSet<String>>,
}

impl RayBackend {
    /// Makes the backend for a sweep's settings. Sends no request yet.
    ///
    /// # Errors
    /// When the token cannot be read, or the HTTP client cannot be set up.
    pub(crate) fn new(settings: &RayExecutor) -> Result<Self, BackendSetupError> {
        let path = settings.token_path(std::env::var_os("HOME").map(PathBuf::from));
        let token = path.as_deref().map(BearerToken::read).transpose()?;
        let client = http::client(ANSWER).build().map_err(http::unreachable);
        Ok(Self {
            client: client.map_err(BackendSetupError::Http)?,
            token,
            address: settings.address.value.trim_end_matches('/').to_owned(),
            settings: settings.clone(),
            withdrawn: Mutex::default(),
        })
    }

    /// Adds Ray's address to an error.
    fn at(&self, error: BackendError) -> BackendError {
        error.map(|words| format!("Ray at {} {words}", self.address))
    }

    fn memory_bytes(&self) -> Option<u64> {
        Some(self.settings.memory_bytes.as_ref()?.value.0)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<RayResponse, BackendError> {
        let mut request = self
            .client
            .request(method, format!("{}/api/jobs/{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(http::unreachable)?;
        let status = response.status();
        Ok(RayResponse {
            status,
            text: http::text(response, LONGEST).await?,
        })
    }
}

impl QueueBackend for RayBackend {
    fn deadline(&self) -> Option<(Duration, String)> {
        let cpus = self.settings.threads_per_run.value.0;
        let gpus = self.settings.gpus.value.0;
        let memory = self.memory_bytes().map_or_else(String::new, |bytes| {
            format!(", {} of memory", isoflop_core::units::bytes(bytes))
        });
        let wanted = format!(
            "{cpus} CPUs, {gpus} GPUs{memory}; `ray status` shows the resources of the cluster"
        );
        Some((self.settings.pending_seconds.value.seconds(), wanted))
    }

    /// Submits a job. A job with the same name is the same job.
    async fn submit(&self, job: &QueueJob) -> Result<(), BackendError> {
        let mut body = json!({
            "entrypoint": job.command.clone().unwrap_or_else(|| format!("sh {}", quoted(&job.script))),
            "submission_id": job.tag,
            "entrypoint_num_cpus": job.threads,
            "entrypoint_num_gpus": self.settings.gpus.value.0,
            "metadata": { "attempt": job.folder },
        });
        if let Some(memory) = self.memory_bytes() {
            body["entrypoint_memory"] = memory.into();
        }
        let address = &self.address;
        let answer = self.ask(Method::POST, "", Some(&body)).await.map_err(|error| error.map(|words| {
            format!("Ray does not answer at {address}: {words}; check that its head is running there (`ray start --head`)")
        }))?;
        taken(&answer, &job.tag).map_err(|error| self.at(error))
    }

    /// Lists jobs, without cancelled ones that still wait: they end when they start.
    async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let withdrawn = self.withdrawn.lock().clone();
        let address = &self.address;
        let answer = self.ask(Method::GET, "", None).await;
        let answer =
            answer.map_err(|error| error.map(|words| format!("Ray at {address}: {words}")))?;
        let live = jobs(&answer)
            .map_err(|error| self.at(error))?
            .into_iter()
            .filter_map(|job| {
                let name = job.submission_id?;
                let counts = match job.status {
                    RayState::Pending => !withdrawn.contains(&name),
                    RayState::Running => true,
                    RayState::Succeeded | RayState::Failed | RayState::Stopped => false,
                };
                counts.then_some(name)
            });
        Ok(live.collect())
    }

    /// Cancels a job. Ray ends a waiting job only when there are resources for it.
    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let answer = self.ask(Method::POST, &format!("{tag}/stop"), None).await?;
        if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
            return Err(BackendError::Rejected(answer.words()));
        }
        self.withdrawn.lock().insert(tag.to_owned());
        Ok(())
    }

    async fn fate(&self, tag: &str) -> Option<TerminationReason> {
        let asked = self.ask(Method::GET, tag, None).await;
        one_job(&dropped(asked, "cannot ask Ray about a job")?)?.fate()
    }
}

#[cfg(test)]
mod tests;
