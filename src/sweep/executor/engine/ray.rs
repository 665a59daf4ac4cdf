//! Jobs of Ray.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::address::without_credentials;
use crate::error::ValueError;
use crate::executor::StorageSettings;
use crate::executor::engine_slots::{self, JobDevice};
use crate::executor::settings::{EngineSettings, JobSettings};
use crate::not_empty::not_empty;
use crate::{FiniteNumber, LocatedValue, WholeNumber};

/// A Ray cluster. Its jobs share a file system with this machine, or use a `storage`. docs/ray.md
/// is a guide with an example.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RayExecutor {
    /// Address of Ray's dashboard; `http://127.0.0.1:8265` if absent.
    pub address: LocatedValue<String>,
    /// File with Ray's token, an absolute path or one from `~/`; no token is sent if absent.
    #[serde(deserialize_with = "not_empty")]
    pub token_file: Option<LocatedValue<String>>,
    /// GPUs of a run, 0 or 1; with 0 it trains on the CPU; 0 if absent.
    pub gpus: LocatedValue<WholeNumber>,
    /// CPU threads of a run, and CPUs that its job requests; 1 if absent.
    pub threads_per_run: LocatedValue<WholeNumber>,
    /// Memory that a job requests, bytes; none if absent.
    #[serde(deserialize_with = "not_empty")]
    pub memory_bytes: Option<LocatedValue<WholeNumber>>,
    /// Seconds for which jobs may wait while none of the sweep's jobs runs, before the sweep stops;
    /// 3600 if absent.
    pub pending_seconds: LocatedValue<FiniteNumber>,
    /// Storage for jobs that share no file system with this machine; they share one if absent.
    #[serde(deserialize_with = "not_empty")]
    pub storage: Option<StorageSettings>,
    /// Largest number of jobs that wait or run; 100 if absent.
    pub max_pending: LocatedValue<WholeNumber>,
}

impl Default for RayExecutor {
    fn default() -> Self {
        Self {
            address: LocatedValue::without_location("http://127.0.0.1:8265".to_owned()),
            token_file: None,
            gpus: LocatedValue::without_location(WholeNumber(0)),
            threads_per_run: engine_slots::threads_per_run(),
            memory_bytes: None,
            pending_seconds: LocatedValue::without_location(FiniteNumber(3600.0)),
            storage: None,
            max_pending: engine_slots::max_pending(),
        }
    }
}

impl RayExecutor {
    /// Path of the token's file, if there is one. `home` replaces `~`.
    pub fn token_path(&self, home: Option<PathBuf>) -> Option<PathBuf> {
        let given = &self.token_file.as_ref()?.value;
        Some(match (given.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(given),
        })
    }
}

/// Returns the error of an invalid address.
fn address_error(address: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Some("expected `http://` or `https://` before the host");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "80"),
    };
    if !["http", "https"].contains(&scheme) {
        Some("expected `http://` or `https://`")
    } else if rest.contains('@') {
        Some("a sweep file must not contain a user or a password")
    } else if rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) {
        Some("expected only a host, a port and a path")
    } else if name.is_empty() {
        Some("missing host")
    } else if port.starts_with('+') || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        Some("the port is out of range: expected 1 to 65535")
    } else {
        None
    }
}

impl EngineSettings for RayExecutor {
    fn jobs(&self) -> Option<JobSettings<'_>> {
        Some(JobSettings {
            device: JobDevice::of_gpus(&self.gpus),
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), ValueError> {
        if let Some(fault) = address_error(&self.address.value) {
            let shown = without_credentials(&self.address.value);
            let message = format!("invalid `address` `{shown}`: {fault}");
            let hint = "write the address of Ray's dashboard, such as `http://127.0.0.1:8265`; docs/ray.md explains it";
            return Err(self.address.error(message, hint));
        }
        if let Some(file) = &self.token_file
            && !(file.value.starts_with('/') || file.value.starts_with("~/"))
        {
            let message = format!(
                "invalid `token_file` `{}`: expected an absolute path, or one from `~/`",
                file.value
            );
            return Err(file.error(message, "write a path such as `~/.ray/auth_token`"));
        }
        self.gpus.within("`gpus`", 0..=1)?;
        if let Some(memory) = &self.memory_bytes {
            memory.within("`memory_bytes`", 1..=1 << 50)?;
        }
        self.pending_seconds
            .within("`pending_seconds`", 1.0..=1e8)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_machine() {
        for address in [
            "http://127.0.0.1:8265",
            "https://ray.example.org",
            "https://h:1/ray/",
            "http://[::1]:8265",
            "http://[::1]",
            "http://h",
        ] {
            assert_eq!(address_error(address), None, "{address}");
        }
        for address in [
            "127.0.0.1:8265",
            "ray://h:10001",
            "http://",
            "http:///x",
            "http://:8265",
            "http://h:0",
            "http://h:99999",
            "http://h:",
            "http://h:x",
            "http://a:b@h",
            "http://h?x",
            "http://h#x",
            "http://h x",
            "",
        ] {
            assert!(address_error(address).is_some(), "{address}");
        }
    }

    #[test]
    fn a_token_may_lie_at_home() {
        let at = |path: &str| RayExecutor {
            token_file: Some(LocatedValue::without_location(path.to_owned())),
            ..RayExecutor::default()
        };
        let home = || Some(PathBuf::from("/home/ada"));
        assert_eq!(
            at("~/.ray/auth_token").token_path(home()).unwrap(),
            PathBuf::from("/home/ada/.ray/auth_token")
        );
        assert_eq!(
            at("/run/token").token_path(home()).unwrap(),
            PathBuf::from("/run/token")
        );
        assert_eq!(RayExecutor::default().token_path(home()), None);
    }
}
