//! Information about the machine and the process.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use isoflop_core::run::{Device, Provenance};

/// Version of libtorch that this program is pinned to (Cargo.toml: tch 0.24).
const LIBTORCH: &str = "2.11.0";

/// Returns the provenance of an outcome: machine, versions and start time.
pub(crate) fn provenance(device: Device, git_revision: &str) -> Provenance {
    Provenance {
        isoflop: env!("CARGO_PKG_VERSION").to_owned(),
        git: git_revision.to_owned(),
        libtorch: LIBTORCH.to_owned(),
        host: nix::unistd::gethostname().map_or_else(
            |_| "unknown".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
        hardware: match device {
            Device::Cpu => processor(),
            Device::Cuda(index) => accelerator(index),
        },
        started_at: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    }
}

/// Returns the peak memory of this process, bytes, without the pages of files. The system shares
/// those between processes and can drop them. Their number depends on the state of the file cache,
/// up to 60 MB for libtorch.
pub(crate) fn peak_memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .map_or(0, |kib| kib * 1024)
    };
    bytes("VmHWM:").saturating_sub(bytes("RssFile:"))
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    line.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |rest| rest.trim_start_matches([' ', '\t', ':']).to_owned(),
    )
}

fn accelerator(index: u32) -> String {
    let name = || {
        nvml_wrapper::Nvml::init()
            .ok()?
            .device_by_index(index)
            .ok()?
            .name()
            .ok()
    };
    name().unwrap_or_else(|| "CUDA device".to_owned())
}
