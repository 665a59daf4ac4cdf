//! Slots of attempts that outlived their coordinator.

use super::resume::ResumedSweep;
use super::schedule::SlotIndex;
use crate::executor::{Engines, Slot};
use crate::store::RunState;
use isoflop_core::run::SweepDir;
use isoflop_sweep::Plan;

/// Gives each attempt that outlived its coordinator a slot of its engine.
///
/// Adds slots if the engine now has fewer than it has attempts.
pub fn assign_held_slots(
    taken_up: &mut ResumedSweep,
    sweep: &SweepDir,
    plan: &Plan,
    engines: &Engines,
    slots: &mut Vec<Slot>,
) {
    let mut taken = Vec::new();
    for run in taken_up.held.keys().copied() {
        let state = &mut taken_up.resumed.records[run].state;
        let Some(lease) = state.lease() else { continue };
        let attempt = sweep.run(&plan.runs[run].id).attempt(lease.attempt);
        // An attempt whose engine was removed from the sweep fails at once: any slot will do.
        let slot = seat_of(engines.of(&attempt).unwrap_or(0), slots, &taken);
        taken.push(slot);
        *state = RunState::leased(lease.attempt, slot);
    }
}

/// Finds a free slot of an engine, or adds one.
fn seat_of(engine: usize, slots: &mut Vec<Slot>, taken: &[SlotIndex]) -> SlotIndex {
    let free = |(i, slot): (usize, &Slot)| slot.engine == engine && !taken.contains(&i);
    if let Some(slot) = slots.iter().enumerate().position(free) {
        return slot;
    }
    let like = slots
        .iter()
        .find(|slot| slot.engine == engine)
        .unwrap_or(&slots[0]);
    slots.push(*like);
    slots.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::Device;

    #[test]
    fn each_has_a_seat_of_its_engine() {
        let slot = |engine| Slot {
            device: Device::Cpu,
            threads: 1,
            engine,
            here: false,
        };
        let mut slots = vec![slot(0), slot(1), slot(1)];
        let mut taken = Vec::new();
        let seats: Vec<SlotIndex> = [1, 1, 0, 1, 0]
            .map(|engine| {
                let seat = seat_of(engine, &mut slots, &taken);
                taken.push(seat);
                seat
            })
            .to_vec();
        assert_eq!(seats, [1, 2, 0, 3, 4]);
        assert_eq!(
            slots.iter().map(|slot| slot.engine).collect::<Vec<_>>(),
            [0, 1, 1, 1, 0]
        );
    }
}
