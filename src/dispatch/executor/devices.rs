//! Slots of this machine, and their devices.

use nvml_wrapper::Nvml;

use crate::exchange::dropped;
use isoflop_core::run::Device;
use isoflop_sweep::{DeviceKind, LocalExecutor, LocatedValue, WholeNumber};

/// A slot: resources for one attempt on an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Device that the run trains on.
    pub device: Device,
    /// CPU threads it may use.
    pub threads: u32,
    /// Index of the slot's engine in the sweep, from 0.
    pub engine: usize,
    /// True for a slot of this machine, whose free memory is known.
    pub here: bool,
}

impl Slot {
    /// Makes a slot of this machine, for a sweep with no other engine.
    pub fn here(device: Device, threads: u32) -> Self {
        Self {
            device,
            threads,
            engine: 0,
            here: true,
        }
    }
}

/// Error of `device: cuda` on a machine without a GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`device: cuda` needs an NVIDIA GPU, and this machine has none that can be used")]
pub struct DeviceError;

/// Slots for a sweep's settings. On the CPU there is one per core, unless `threads_per_run` or
/// `slots` divides the cores. On GPUs there are `runs_per_device` per GPU.
///
/// # Errors
/// [`DeviceError`] if `device: cuda` is set and there is no GPU.
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
    let asked = |count: &Option<LocatedValue<WholeNumber>>| {
        count.as_ref().map(|count| count.value.0 as u32)
    };
    let threads = asked(&settings.threads_per_run);
    let slots = asked(&settings.slots);
    if let Some(share) = cores.checked_div(gpus) {
        let threads = threads.unwrap_or(share.max(1));
        let seats = settings.runs_per_device.value.0 as u32;
        let count = slots.unwrap_or(gpus * seats).min(gpus * seats);
        // One slot on every device first: runs share a device only after each device has a run.
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

/// Number of GPUs that the driver reports. 0 without a driver.
pub fn gpu_count() -> u32 {
    let count = Nvml::init().and_then(|nvml| nvml.device_count());
    dropped(count, "no GPU driver").unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(slots: Option<u64>, threads: Option<u64>) -> LocalExecutor {
        let at = |count: Option<u64>| count.map(|n| LocatedValue::without_location(WholeNumber(n)));
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
            runs_per_device: LocatedValue::without_location(WholeNumber(2)),
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
