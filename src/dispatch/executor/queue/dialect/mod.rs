//! How an engine is spoken to. A new one has its file here, and its lines in this one.

mod command;
mod error;
mod ray;
mod slurm;

use std::collections::HashSet;
use std::time::Duration;

use super::Job;
use crate::exchange::BackendError;
use command::Commands;
pub use error::DialectError;
use isoflop_core::run::{Fate, SweepDir};
use isoflop_sweep::Executor;
use ray::Ray;
use slurm::Slurm;

/// How an engine is spoken to: three sentences, whichever the language. A job is known by its tag in all of them.
#[derive(Debug)]
pub enum Dialect {
    /// By commands that the sweep gives.
    Commands(Commands),
    /// By Ray's Jobs API.
    Ray(Ray),
    /// By Slurm's own.
    Slurm(Box<Slurm>),
}

impl Dialect {
    /// How the engine of these settings is spoken to for the sweep of a folder; nothing where it has no queue.
    ///
    /// # Errors
    /// [`DialectError`] when it cannot be spoken to from here.
    pub fn new(settings: &Executor, sweep: &SweepDir) -> Result<Option<Self>, DialectError> {
        Ok(Some(match settings {
            Executor::Local(_) | Executor::Workers(_) => return Ok(None),
            Executor::Command(settings) => Self::Commands(Commands::new(settings)),
            Executor::Slurm(settings) => {
                let slurm = Slurm::new(settings, sweep).map_err(DialectError::Nowhere)?;
                Self::Slurm(Box::new(slurm))
            }
            Executor::Ray(settings) => Self::Ray(Ray::of(settings)?),
        }))
    }

    /// Submits a job; the second time under the same tag changes nothing.
    ///
    /// # Errors
    /// [`BackendError`], if it does not take it.
    pub(super) async fn submit(&self, job: &Job) -> Result<(), BackendError> {
        match self {
            Self::Commands(commands) => commands.submit(job).await,
            Self::Ray(ray) => ray.submit(job).await,
            Self::Slurm(slurm) => slurm.submit(job).await,
        }
    }

    /// The tags of the jobs that wait or run.
    ///
    /// # Errors
    /// [`BackendError`], if it does not say.
    pub(super) async fn live(&self) -> Result<HashSet<String>, BackendError> {
        match self {
            Self::Commands(commands) => commands.live().await,
            Self::Ray(ray) => ray.live().await,
            Self::Slurm(slurm) => slurm.live().await,
        }
    }

    /// Ends a job, or takes it back; one that is gone needs no end.
    ///
    /// # Errors
    /// [`BackendError`], if it does not do it.
    pub(super) async fn cancel(&self, tag: &str) -> Result<(), BackendError> {
        match self {
            Self::Commands(commands) => commands.cancel(tag).await,
            Self::Ray(ray) => ray.cancel(tag).await,
            Self::Slurm(slurm) => slurm.cancel(tag).await,
        }
    }

    /// What became of a job that is gone, where the engine says.
    pub(super) async fn fate(&self, tag: &str) -> Option<Fate> {
        match self {
            Self::Ray(ray) => ray.fate(tag).await,
            Self::Slurm(slurm) => slurm.fate(tag).await,
            Self::Commands(_) => None,
        }
    }

    /// How long all jobs may wait with none begun, and what each asks for; nothing where they may wait for ever.
    pub(super) fn deadline(&self) -> Option<(Duration, String)> {
        match self {
            Self::Ray(ray) => Some(ray.deadline()),
            Self::Commands(_) | Self::Slurm(_) => None,
        }
    }
}
