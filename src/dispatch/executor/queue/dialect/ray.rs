//! Ray, by the REST API of its Jobs.

mod answers;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{Dialect, DialectError};
use crate::exchange::{BackendError, Token, dropped, http};
use crate::executor::queue::job::{Job, quoted};
use answers::{Answer, State, jobs, one_job, taken};
use isoflop_core::run::Fate;
use isoflop_sweep::RayExecutor;

/// Longest time that an answer may take. Ray's head starts an agent before it takes its first job.
const ANSWER: Duration = Duration::from_secs(60);

/// Longest answer: Ray lists all jobs that it remembers, with their last words.
const LONGEST: usize = 256 << 20;

/// A Ray cluster whose jobs read and write this machine's files, under the same paths.
#[derive(Debug)]
pub(crate) struct Ray {
    client: Client,
    token: Option<Token>,
    address: String,
    settings: RayExecutor,
    /// Jobs that were to end before they had begun.
    withdrawn: Mutex<HashSet<String>>,
}

impl Ray {
    /// The Ray that a sweep names, which is not asked yet.
    ///
    /// # Errors
    /// When its token cannot be read, or HTTP cannot be spoken from here.
    pub(crate) fn new(settings: &RayExecutor) -> Result<Self, DialectError> {
        let path = settings.token_path(std::env::var_os("HOME").map(PathBuf::from));
        let token = path.as_deref().map(Token::read).transpose()?;
        let client = http::client(ANSWER).build().map_err(http::unreachable);
        Ok(Self {
            client: client.map_err(DialectError::Http)?,
            token,
            address: settings.address.value.trim_end_matches('/').to_owned(),
            settings: settings.clone(),
            withdrawn: Mutex::default(),
        })
    }

    /// Says which engine it is that did not do something.
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
    ) -> Result<Answer, BackendError> {
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
        Ok(Answer {
            status,
            text: http::text(response, LONGEST).await?,
        })
    }
}

impl Dialect for Ray {
    fn deadline(&self) -> Option<(Duration, String)> {
        let cpus = self.settings.threads_per_run.value.0;
        let gpus = self.settings.gpus.value.0;
        let memory = self.memory_bytes().map_or_else(String::new, |bytes| {
            format!(", {} of memory", isoflop_core::units::bytes(bytes))
        });
        let wanted = format!("{cpus} CPUs, {gpus} GPUs{memory}: `ray status` shows what there is");
        Some((self.settings.pending_seconds.value.seconds(), wanted))
    }

    /// One that Ray has under the same name is the same.
    async fn submit(&self, job: &Job) -> Result<(), BackendError> {
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
            format!("Ray does not answer at {address}: {words}; is its head running there (`ray start --head`)?")
        }))?;
        taken(&answer, &job.tag).map_err(|error| self.at(error))
    }

    /// One that waits and is to end is as good as gone: it ends when it begins.
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
                    State::Pending => !withdrawn.contains(&name),
                    State::Running => true,
                    State::Succeeded | State::Failed | State::Stopped => false,
                };
                counts.then_some(name)
            });
        Ok(live.collect())
    }

    /// Ray keeps one that waits until there is room for it, and ends it then.
    async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let answer = self.ask(Method::POST, &format!("{tag}/stop"), None).await?;
        if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
            return Err(BackendError::Rejected(answer.words()));
        }
        self.withdrawn.lock().insert(tag.to_owned());
        Ok(())
    }

    async fn fate(&self, tag: &str) -> Option<Fate> {
        let asked = self.ask(Method::GET, tag, None).await;
        one_job(&dropped(asked, "Ray does not tell of a job")?)?.fate()
    }
}

#[cfg(test)]
mod tests;
