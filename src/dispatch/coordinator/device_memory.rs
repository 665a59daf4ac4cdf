//! Memory of devices: checks that runs fit, one at a time and side by side.
//!
//! Pure functions: the caller measures the free memory.

use super::schedule::{RunIndex, SlotCapacity};
use crate::executor::{FreeMemory, Slot};
use isoflop_core::run::Device;

/// A run that fits on no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The run with the largest estimate.
    pub run: RunIndex,
    /// Estimated memory of the run, bytes.
    pub estimate: u64,
    /// Free memory for the run, bytes.
    pub free: u64,
}

/// Capacity of the slots: the device of each slot, and the free memory of each device.
///
/// `free` has an entry for each slot of this machine. Devices of other machines, and devices whose
/// free memory is unknown, have no limit.
pub fn machine(slots: &[Slot], free: Option<&FreeMemory>) -> SlotCapacity {
    let mut devices: Vec<(usize, Device)> = Vec::new();
    let mut memory = Vec::new();
    let mut places = Vec::with_capacity(slots.len());
    let mut those_here = 0;
    for slot in slots {
        let device = (slot.engine, slot.device);
        let known = devices.iter().position(|known| *known == device);
        places.push(known.unwrap_or(devices.len()));
        if known.is_none() {
            devices.push(device);
            memory.push(match free {
                Some(FreeMemory::Shared(bytes)) if slot.here => *bytes,
                Some(FreeMemory::Each(each)) if slot.here => {
                    each.get(those_here).copied().unwrap_or(0)
                }
                _ => u64::MAX,
            });
        }
        those_here += usize::from(slot.here);
    }
    SlotCapacity {
        slots: places,
        memory,
    }
}

/// Counts the `slots` that can be used at once for any combination of the `waiting` runs.
///
/// `waiting` has the estimate of each run, bytes. The count assumes that the largest runs meet.
///
/// # Errors
/// [`TooLarge`] if the largest run does not fit on its own.
pub fn side_by_side(
    waiting: &[(RunIndex, u64)],
    slots: usize,
    free: &FreeMemory,
) -> Result<usize, TooLarge> {
    let mut largest = waiting.to_vec();
    // A stable sort: of equal runs, the error names the first of the plan.
    largest.sort_by_key(|(_, estimate)| std::cmp::Reverse(*estimate));
    let Some((run, estimate)) = largest.first().copied() else {
        return Ok(slots);
    };
    // The schedule places the largest run only on the device with the most memory.
    let most = free.most();
    if estimate > most {
        return Err(TooLarge {
            run,
            estimate,
            free: most,
        });
    }
    let FreeMemory::Shared(free) = free else {
        return Ok(slots);
    };
    let mut held = 0u64;
    let fits = |(_, estimate): &&(RunIndex, u64)| {
        held = held.saturating_add(*estimate);
        held <= *free
    };
    let fitting = largest.iter().take(slots).take_while(fits).count();
    // With fewer runs than slots, the other slots stay empty anyway.
    Ok(if fitting == largest.len().min(slots) {
        slots
    } else {
        fitting.max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: [(RunIndex, u64); 4] = [(0, 30), (1, 50), (4, 40), (7, 50)];

    #[test]
    fn the_largest_runs_are_counted_together() {
        for (free, slots, expected) in [
            (1000, 4, 4),
            (170, 4, 4),
            (169, 4, 3),
            (100, 4, 2),
            (99, 4, 1),
            (50, 1, 1),
        ] {
            assert_eq!(
                side_by_side(&RUNS, slots, &FreeMemory::Shared(free)),
                Ok(expected),
                "{free} {slots}"
            );
        }
    }

    #[test]
    fn a_run_that_fits_nowhere_is_named() {
        let too_large = |free| {
            Err(TooLarge {
                run: 1,
                estimate: 50,
                free,
            })
        };
        assert_eq!(
            side_by_side(&RUNS, 2, &FreeMemory::Shared(49)),
            too_large(49)
        );
        assert_eq!(
            side_by_side(&RUNS, 2, &FreeMemory::Each(vec![48, 49])),
            too_large(49)
        );
        assert_eq!(
            side_by_side(&RUNS, 2, &FreeMemory::Each(vec![50, 20])),
            Ok(2)
        );
        // The sum of the estimates must not overflow.
        assert!(
            side_by_side(
                &[(0, u64::MAX), (1, u64::MAX)],
                2,
                &FreeMemory::Shared(u64::MAX)
            )
            .is_ok()
        );
    }

    #[test]
    fn slots_of_a_device_share_its_memory() {
        let slot = |device| Slot::here(device, 1);
        let cpu = [slot(Device::Cpu); 3];
        assert_eq!(
            machine(&cpu, Some(&FreeMemory::Shared(9))),
            SlotCapacity {
                slots: vec![0; 3],
                memory: vec![9]
            }
        );
        assert_eq!(
            machine(&cpu, None),
            SlotCapacity {
                slots: vec![0; 3],
                memory: vec![u64::MAX]
            }
        );
        let gpus = [0, 1, 0, 1].map(|i| slot(Device::Cuda(i)));
        let each = FreeMemory::Each(vec![5, 7, 5, 7]);
        assert_eq!(
            machine(&gpus, Some(&each)),
            SlotCapacity {
                slots: vec![0, 1, 0, 1],
                memory: vec![5, 7]
            }
        );
    }

    #[test]
    fn what_is_free_here_limits_nothing_elsewhere() {
        let elsewhere = |engine| Slot {
            device: Device::Cpu,
            threads: 1,
            engine,
            here: false,
        };
        let slots = [
            elsewhere(0),
            Slot {
                engine: 1,
                ..Slot::here(Device::Cpu, 1)
            },
            elsewhere(2),
            elsewhere(0),
        ];
        let expected = SlotCapacity {
            slots: vec![0, 1, 2, 0],
            memory: vec![u64::MAX, 9, u64::MAX],
        };
        assert_eq!(machine(&slots, Some(&FreeMemory::Shared(9))), expected);
        assert_eq!(machine(&slots, Some(&FreeMemory::Each(vec![9]))), expected);
    }

    #[test]
    fn nothing_to_do_fits_anywhere() {
        assert_eq!(side_by_side(&[], 3, &FreeMemory::Shared(0)), Ok(3));
        assert_eq!(side_by_side(&[(5, 10)], 3, &FreeMemory::Shared(10)), Ok(3));
    }
}
