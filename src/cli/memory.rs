//! Whether the runs of a sweep fit into this machine's memory, asked before any is started.

use super::{Exit, Failed, output};
use crate::coordinator::{Machine, Place, TextBytes, machine, memory_bytes, side_by_side};
use crate::executor::{Slot, free_memory};
use crate::run::Device;
use crate::sweep::Plan;
use crate::units::bytes;

/// Memory that each run of a sweep is expected to hold in such slots, bytes.
pub(super) fn estimates(plan: &Plan, text: TextBytes, slots: &[Slot]) -> Vec<u64> {
    let place = if on_processor(slots) { Place::Processor } else { Place::Accelerator };
    plan.runs.iter().map(|run| memory_bytes(&run.spec, text, place)).collect()
}

/// The slots with the memory that they share, and how many of them the runs which are not `done` can use at once, whichever
/// meet: fewer than there are with a warning. Where runs do not execute `here`, what memory there is for them is not known.
///
/// # Errors
/// When a run does not fit even alone.
pub(super) fn usable(
    plan: &Plan,
    slots: &[Slot],
    estimates: &[u64],
    done: &[bool],
    here: bool,
) -> Result<(Machine, usize), Failed> {
    let free = if here { free_memory(slots) } else { None };
    let machine = machine(slots, free.as_ref());
    let Some(free) = free else { return Ok((machine, slots.len())) };
    let waiting: Vec<_> = estimates.iter().copied().enumerate().filter(|(run, _)| !done[*run]).collect();
    let count = side_by_side(&waiting, slots.len(), &free).map_err(|too_large| {
        let run = &plan.runs[too_large.run];
        let (estimate, free) = (bytes(too_large.estimate), bytes(too_large.free));
        Failed::new(
            Exit::ExecutorUnreachable,
            format!("{} ({}) needs about {estimate} of memory, and {free} are free", run.label(), run.id),
            "take a smaller size, `batch_tokens` or `sequence_length`, or free memory; finished runs are kept",
        )
    })?;
    if count < slots.len() {
        let largest = waiting.iter().map(|(_, estimate)| *estimate).max().unwrap_or(0);
        output::warning(format!(
            "memory is free for {count} of the largest runs in {} slots: one holds up to about {}",
            slots.len(),
            bytes(largest)
        ));
    }
    Ok((machine, count))
}

fn on_processor(slots: &[Slot]) -> bool {
    slots.iter().all(|slot| slot.device == Device::Cpu)
}
