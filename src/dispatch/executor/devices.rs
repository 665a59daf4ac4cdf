//! The slots of this machine: what runs side by side, and on what.

use nvml_wrapper::Nvml;

use crate::exchange::dropped;
use isoflop_core::run::Device;
use isoflop_sweep::{At, Count, DeviceKind, LocalExecutor};

/// A place for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it trains on.
    pub device: Device,
    /// CPU threads it may use.
    pub threads: u32,
    /// Which of the sweep's engines it is a seat of, counted from 0.
    pub engine: usize,
    /// Whether it is a part of this machine: its memory is what is free here.
    pub here: bool,
}

impl Slot {
    /// A part of this machine, where that is the only engine.
    pub fn here(device: Device, threads: u32) -> Self {
        Self {
            device,
            threads,
            engine: 0,
            here: true,
        }
    }
}

/// There are no slots: CUDA was asked for, and there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`device: cuda` was asked for, and this machine has no NVIDIA GPU that can be used")]
pub struct DeviceError;

/// The slots for a sweep's settings. On a CPU, one a core unless `threads_per_run` divides them; on GPUs,
/// `runs_per_device` on each.
///
/// # Errors
/// [`DeviceError`] when what was asked for is not there.
pub fn slots(settings: &LocalExecutor) -> Result<Vec<Slot>, DeviceError> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let gpus = match settings.device {
        DeviceKind::Cpu => 0,
        _ => gpu_count(),
    };
    if settings.device == DeviceKind::Cuda && gpus == 0 {
        return Err(DeviceError);
    }
    Ok(layout(settings, cores, gpus))
}

fn layout(settings: &LocalExecutor, cores: u32, gpus: u32) -> Vec<Slot> {
    let asked = |count: &Option<At<Count>>| count.as_ref().map(|count| count.value.0 as u32);
    let threads = asked(&settings.threads_per_run);
    let slots = asked(&settings.slots);
    if let Some(share) = cores.checked_div(gpus) {
        let threads = threads.unwrap_or(share.max(1));
        let seats = settings.runs_per_device.value.0 as u32;
        let count = slots.unwrap_or(gpus * seats).min(gpus * seats);
        // A seat on every device first: runs share one only when each has one.
        return (0..count)
            .map(|seat| Slot::here(Device::Cuda(seat % gpus), threads.div_ceil(seats)))
            .collect();
    }
    let count = slots.unwrap_or_else(|| (cores / threads.unwrap_or(1)).max(1));
    let threads = threads.unwrap_or((cores / count).max(1));
    (0..count)
        .map(|_| Slot::here(Device::Cpu, threads))
        .collect()
}

/// GPUs that the driver shows; none where there is no driver.
pub fn gpu_count() -> u32 {
    let count = Nvml::init().and_then(|nvml| nvml.device_count());
    dropped(count, "there is no driver for GPUs").unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(slots: Option<u64>, threads: Option<u64>) -> LocalExecutor {
        let at = |count: Option<u64>| count.map(|n| At::nowhere(Count(n)));
        LocalExecutor {
            slots: at(slots),
            threads_per_run: at(threads),
            ..LocalExecutor::default()
        }
    }

    #[test]
    fn threads_are_divided_between_slots() {
        for (slots, threads, expected) in [
            (None, None, (8, 1)),
            (Some(2), None, (2, 4)),
            (None, Some(4), (2, 4)),
            (Some(3), Some(2), (3, 2)),
            (None, Some(16), (1, 16)),
        ] {
            let layout = layout(&settings(slots, threads), 8, 0);
            assert_eq!(
                (layout.len(), layout[0].threads),
                expected,
                "{slots:?} {threads:?}"
            );
            assert!(layout.iter().all(|slot| slot.device == Device::Cpu));
        }
    }

    #[test]
    fn runs_share_a_gpu_where_that_is_asked_for() {
        let settings = LocalExecutor {
            runs_per_device: At::nowhere(Count(2)),
            ..settings(Some(3), None)
        };
        assert_eq!(
            layout(&settings, 16, 2),
            [0, 1, 0].map(|i| Slot::here(Device::Cuda(i), 4))
        );
    }

    #[test]
    fn one_process_a_gpu() {
        let layout = layout(&settings(Some(5), None), 16, 2);
        assert_eq!(
            layout,
            [0, 1].map(|index| Slot::here(Device::Cuda(index), 8))
        );
    }
}
