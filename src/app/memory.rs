//! Whether the runs of a sweep fit into this machine's memory, asked before any is started.

use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::Device;
use isoflop_core::units::bytes;
use isoflop_dispatch::coordinator::{
    Machine, Place, TextBytes, TooLarge, machine, memory_bytes, side_by_side,
};
use isoflop_dispatch::executor::{Slot, free_memory};
use isoflop_sweep::Plan;

/// Memory that each run of a sweep is expected to hold in such slots, bytes.
pub(crate) fn estimates(plan: &Plan, text: TextBytes, slots: &[Slot]) -> Vec<u64> {
    // Of another machine's memory nothing is known to compare with.
    let (here, elsewhere): (Vec<Slot>, Vec<Slot>) = slots.iter().partition(|slot| slot.here);
    let place = if on_processor(if here.is_empty() { &elsewhere } else { &here }) {
        Place::Processor
    } else {
        Place::Accelerator
    };
    plan.runs
        .iter()
        .map(|run| memory_bytes(&run.spec, text, place))
        .collect()
}

/// The slots with the memory that they share, and those of them that the runs which are not `done` can use at once, whichever
/// meet: fewer than there are with a warning. Of slots elsewhere it is not known what memory there is.
///
/// # Errors
/// When a run does not fit even alone.
pub(crate) fn usable(
    plan: &Plan,
    slots: &[Slot],
    estimates: &[u64],
    done: &[bool],
    listener: &mut dyn Listener,
) -> Result<(Machine, Vec<Slot>), AppError> {
    let here: Vec<Slot> = slots.iter().filter(|slot| slot.here).copied().collect();
    let free = (!here.is_empty()).then(|| free_memory(&here)).flatten();
    let machine = machine(slots, free.as_ref());
    let Some(free) = free else {
        return Ok((machine, slots.to_vec()));
    };
    let (here_alone, most) = (here.len() == slots.len(), free.most());
    let waiting = estimates.iter().copied().enumerate();
    let (waiting, larger): (Vec<_>, Vec<_>) = waiting
        .filter(|(run, _)| !done[*run])
        .partition(|(_, estimate)| here_alone || *estimate <= most);
    if !larger.is_empty() {
        let (count, most) = (larger.len(), bytes(most));
        listener.remark(&format!(
            "{count} runs are too large for the {most} of memory that are free here: the other engines have them"
        ));
    }
    let count =
        side_by_side(&waiting, here.len(), &free).map_err(|too_large| refused(plan, &too_large))?;
    if count < here.len() {
        let largest = waiting.iter().map(|(_, estimate)| *estimate).max();
        listener.warning(&format!(
            "memory is free for {count} of the largest runs in {} slots: one holds up to about {}",
            here.len(),
            bytes(largest.unwrap_or(0))
        ));
    }
    let elsewhere = slots.iter().filter(|slot| !slot.here);
    let usable = here[..count].iter().chain(elsewhere);
    Ok((machine, usable.copied().collect()))
}

fn refused(plan: &Plan, too_large: &TooLarge) -> AppError {
    let run = &plan.runs[too_large.run];
    let (estimate, free) = (bytes(too_large.estimate), bytes(too_large.free));
    AppError::new(
        ErrorKind::ExecutorUnreachable,
        format!(
            "{} ({}) needs about {estimate} of memory, and {free} are free",
            run.label(),
            run.id
        ),
        "take a smaller size, `batch_tokens` or `sequence_length`, or free memory; finished runs are kept",
    )
}

fn on_processor(slots: &[Slot]) -> bool {
    slots.iter().all(|slot| slot.device == Device::Cpu)
}
