//! Ray.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::address::shown;
use crate::error::Fault;
use crate::executor::Storage;
use crate::executor::seats::{self, JobDevice};
use crate::executor::settings::{Jobs, Settings};
use crate::given::given;
use crate::{At, Count, Number};

/// A Ray cluster, on a file system that it shares with this machine, or by way of a `storage`. docs/ray.md begins with nothing and has an example.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RayExecutor {
    /// Where Ray's dashboard answers; `http://127.0.0.1:8265` if absent.
    pub address: At<String>,
    /// The file that holds Ray's token, a whole path or one from `~/`; none is sent if absent.
    #[serde(deserialize_with = "given")]
    pub token_file: Option<At<String>>,
    /// GPUs of a run, 0 or 1; 0 if absent, and it trains on the CPU.
    pub gpus: At<Count>,
    /// CPU threads of a run, and the CPUs that are asked for; 1 if absent.
    pub threads_per_run: At<Count>,
    /// Memory that is asked for, bytes; none if absent.
    #[serde(deserialize_with = "given")]
    pub memory_bytes: Option<At<Count>>,
    /// Seconds for which jobs may wait with none of the sweep's begun, before the sweep stops; 3600 if absent.
    pub pending_seconds: At<Number>,
    /// By which attempts are exchanged with jobs that share no file system with this machine; they share one if absent.
    #[serde(deserialize_with = "given")]
    pub storage: Option<Storage>,
    /// Most jobs that are submitted and not over; 100 if absent.
    pub max_pending: At<Count>,
}

impl Default for RayExecutor {
    fn default() -> Self {
        Self {
            address: At::nowhere("http://127.0.0.1:8265".to_owned()),
            token_file: None,
            gpus: At::nowhere(Count(0)),
            threads_per_run: seats::threads_per_run(),
            memory_bytes: None,
            pending_seconds: At::nowhere(Number(3600.0)),
            storage: None,
            max_pending: seats::max_pending(),
        }
    }
}

impl RayExecutor {
    /// The token's file, if there is one; `home` is what `~` stands for.
    pub fn token_path(&self, home: Option<PathBuf>) -> Option<PathBuf> {
        let given = &self.token_file.as_ref()?.value;
        Some(match (given.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(given),
        })
    }
}

/// What is wrong with an address, if anything is.
fn fault(address: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Some("has no `http://` or `https://` before it");
    };
    let host = rest.split('/').next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "80"),
    };
    if !["http", "https"].contains(&scheme) {
        Some("is neither `http://` nor `https://`")
    } else if rest.contains('@') {
        Some("has a user or a password before it, which belong into no sweep file")
    } else if rest.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) {
        Some("holds more than a machine, a port and a path")
    } else if name.is_empty() {
        Some("names no machine")
    } else if port.starts_with('+') || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        Some("has a port that is none of 1 to 65535")
    } else {
        None
    }
}

impl Settings for RayExecutor {
    fn jobs(&self) -> Option<Jobs<'_>> {
        Some(Jobs {
            device: JobDevice::of_gpus(&self.gpus),
            threads_per_run: &self.threads_per_run,
            max_pending: &self.max_pending,
            storage: self.storage.as_ref(),
            outlive_coordinator: true,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        if let Some(fault) = fault(&self.address.value) {
            let shown = shown(&self.address.value);
            let message = format!("`address` is `{shown}`, which {fault}");
            let hint = "write where Ray's dashboard answers, as `http://127.0.0.1:8265`; docs/ray.md explains it";
            return Err(self.address.fault(message, hint));
        }
        if let Some(file) = &self.token_file
            && !(file.value.starts_with('/') || file.value.starts_with("~/"))
        {
            let message = format!(
                "`token_file` is `{}`, allowed is a whole path, or one from `~/`",
                file.value
            );
            return Err(file.fault(message, "write a whole path, as `~/.ray/auth_token`"));
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
            assert_eq!(fault(address), None, "{address}");
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
            assert!(fault(address).is_some(), "{address}");
        }
    }

    #[test]
    fn a_token_may_lie_at_home() {
        let at = |path: &str| RayExecutor {
            token_file: Some(At::nowhere(path.to_owned())),
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
