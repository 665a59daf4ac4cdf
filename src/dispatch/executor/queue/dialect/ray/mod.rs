//! Ray, by the REST API of its Jobs.

mod answers;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::error::DialectError;
use crate::exchange::{BackendError, Token, http};
use crate::executor::dropped;
use crate::executor::queue::job::{Job, quoted};
use answers::{Answer, State, jobs, one_job, taken};
use isoflop_core::run::Fate;
use isoflop_sweep::RayExecutor;

/// Longest time that an answer may take. Ray's head starts an agent before it takes its first job.
const ANSWER: Duration = Duration::from_secs(60);

/// Longest answer: Ray lists all jobs that it remembers, with their last words.
const LONGEST: usize = 256 << 20;

/// A Ray cluster whose jobs read and write this machine's files, under the same paths.
#[derive(Clone, Debug)]
pub struct Ray {
    client: Client,
    token: Option<Token>,
    address: String,
    wanted: Resources,
    /// Jobs that were to end before they had begun.
    withdrawn: Arc<Mutex<HashSet<String>>>,
}

/// What each job asks for, beside its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// CPUs: as many as the run has threads.
    pub cpus: u32,
    /// GPUs.
    pub gpus: u32,
    /// Memory, bytes.
    pub memory: Option<u64>,
    /// Time for which no job of the sweep may begin while some wait.
    pub pending: Duration,
}

impl Ray {
    /// The Ray that a sweep names, which is not asked yet.
    ///
    /// # Errors
    /// When its token cannot be read, or HTTP cannot be spoken from here.
    pub(super) fn of(settings: &RayExecutor) -> Result<Self, DialectError> {
        let path = settings.token_path(std::env::var_os("HOME").map(PathBuf::from));
        let token = path.as_deref().map(Token::read).transpose()?;
        let wanted = Resources {
            cpus: settings.threads_per_run.value.0 as u32,
            gpus: settings.gpus.value.0 as u32,
            memory: settings.memory_bytes.as_ref().map(|memory| memory.value.0),
            pending: Duration::from_secs_f64(settings.pending_seconds.value.0),
        };
        Self::new(&settings.address.value, token, wanted).map_err(DialectError::Http)
    }

    /// The Ray at an address like `http://127.0.0.1:8265`, which is not asked yet.
    ///
    /// # Errors
    /// [`BackendError::Unreachable`], when this machine has no certificates to know others by.
    pub fn new(
        address: &str,
        token: Option<Token>,
        wanted: Resources,
    ) -> Result<Self, BackendError> {
        let client = http::client(ANSWER).build().map_err(http::unreachable)?;
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            token,
            address,
            wanted,
            withdrawn: Arc::default(),
        })
    }

    /// How long all jobs may wait, and what each asks for.
    pub(super) fn deadline(&self) -> (Duration, String) {
        let Resources {
            cpus,
            gpus,
            memory,
            pending,
        } = self.wanted;
        let memory = memory.map_or_else(String::new, |bytes| {
            format!(", {} of memory", isoflop_core::units::bytes(bytes))
        });
        (
            pending,
            format!("{cpus} CPUs, {gpus} GPUs{memory}: `ray status` shows what there is"),
        )
    }

    /// Submits a job; one that Ray has under the same name is the same.
    pub(super) async fn submit(&self, job: &Job) -> Result<(), BackendError> {
        let mut body = json!({
            "entrypoint": job.command.clone().unwrap_or_else(|| format!("sh {}", quoted(&job.script))),
            "submission_id": job.tag,
            "entrypoint_num_cpus": job.threads,
            "entrypoint_num_gpus": self.wanted.gpus,
            "metadata": { "attempt": job.folder },
        });
        if let Some(memory) = self.wanted.memory {
            body["entrypoint_memory"] = memory.into();
        }
        let (address, asked) = (&self.address, self.ask(Method::POST, "", Some(&body)));
        let answer = asked.await.map_err(|error| error.map(|words| {
            format!("Ray does not answer at {address}: {words}; is its head running there (`ray start --head`)?")
        }))?;
        taken(&answer, &job.tag)
            .map_err(|error| error.map(|words| format!("Ray at {address} {words}")))
    }

    /// The names of jobs that wait or run. One that waits and is to end is as good as gone: it ends when it begins.
    ///
    /// # Errors
    /// [`BackendError`], if Ray does not say.
    pub(super) async fn live(&self) -> Result<HashSet<String>, BackendError> {
        let withdrawn = self.withdrawn.lock().await.clone();
        let (address, asked) = (&self.address, self.ask(Method::GET, "", None));
        let answer = asked
            .await
            .map_err(|error| error.map(|words| format!("Ray at {address}: {words}")))?;
        let listed = jobs(&answer)
            .map_err(|error| error.map(|words| format!("Ray at {address} {words}")))?;
        let live = listed.into_iter().filter_map(|job| {
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

    /// Ends a job. Ray keeps one that waits until there is room for it, and ends it then.
    pub(super) async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        let answer = self.ask(Method::POST, &format!("{tag}/stop"), None).await?;
        if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
            return Err(BackendError::Rejected(answer.words()));
        }
        self.withdrawn.lock().await.insert(tag.to_owned());
        Ok(())
    }

    /// What Ray says of a job that is over and has left no word itself.
    pub(super) async fn fate(&self, tag: &str) -> Option<Fate> {
        let asked = self.ask(Method::GET, tag, None).await;
        one_job(&dropped(asked, "Ray does not tell of a job")?)?.fate()
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

#[cfg(test)]
mod tests;
