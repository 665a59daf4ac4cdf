//! Checks that the runs of a sweep fit into this machine's memory, before any is started.

use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::Device;
use isoflop_core::units::bytes;
use isoflop_dispatch::coordinator::{
    SlotCapacity, TensorDevice, TextBytes, TooLarge, machine, memory_bytes, side_by_side,
};
use isoflop_dispatch::executor::{Slot, free_memory};
use isoflop_sweep::Plan;

/// Estimates the memory of each run of a sweep in these slots, bytes.
pub(crate) fn estimates(plan: &Plan, text: TextBytes, slots: &[Slot]) -> Vec<u64> {
    // Estimates are compared with the memory of this machine, so its slots decide.
    let (here, elsewhere): (Vec<Slot>, Vec<Slot>) = slots.iter().partition(|slot| slot.here);
    let place = if all_on_cpu(if here.is_empty() { &elsewhere } else { &here }) {
        TensorDevice::Processor
    } else {
        TensorDevice::Accelerator
    };
    plan.runs
        .iter()
        .map(|run| memory_bytes(&run.spec, text, place))
        .collect()
}

/// The memory of the slots, and the slots that the runs which are not `done` can use at once.
///
/// If the largest of these runs do not fit into memory together, slots of this machine are left
/// out, with a warning. The memory of other machines is unknown, so all their slots are usable.
///
/// # Errors
/// [`AppError`] if a run does not fit, even as the only run.
pub(crate) fn usable(
    plan: &Plan,
    slots: &[Slot],
    estimates: &[u64],
    done: &[bool],
    listener: &mut dyn Listener,
) -> Result<(SlotCapacity, Vec<Slot>), AppError> {
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
            "{count} runs need more than the {most} of memory that are free on this machine; other engines execute them"
        ));
    }
    let count =
        side_by_side(&waiting, here.len(), &free).map_err(|too_large| refused(plan, &too_large))?;
    if count < here.len() {
        let largest = waiting.iter().map(|(_, estimate)| *estimate).max();
        listener.warning(&format!(
            "there is memory for {count} of the largest runs at once, not for {}: a run needs up to about {}",
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
            "{} ({}) needs about {estimate} of memory, but only {free} are free",
            run.label(),
            run.id
        ),
        "choose a smaller size, `batch_tokens` or `sequence_length`, or free memory; finished runs are kept",
    )
}

fn all_on_cpu(slots: &[Slot]) -> bool {
    slots.iter().all(|slot| slot.device == Device::Cpu)
}
