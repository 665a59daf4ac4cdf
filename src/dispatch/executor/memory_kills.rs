//! Attribution of out-of-memory kills to trainers. The kernel counts such kills, but does not name
//! the processes.

use isoflop_core::run::AttemptEnd;

/// Count of out-of-memory kills that are attributed to trainers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MemoryKills {
    attributed: u64,
}

impl MemoryKills {
    /// Adds the cause to the end of an attempt that was killed by SIGKILL. The kernel's count was
    /// `at_start` when the attempt started, and is `now`. Each counted kill explains one end.
    pub(super) fn explain(
        &mut self,
        end: AttemptEnd,
        at_start: Option<u64>,
        now: Option<u64>,
    ) -> AttemptEnd {
        if end != AttemptEnd::KILLED {
            return end;
        }
        let (Some(at_start), Some(now)) = (at_start, now) else {
            return AttemptEnd::KilledForMemory { certain: false };
        };
        let before = self.attributed.max(at_start);
        if now <= before {
            return end;
        }
        self.attributed = before + 1;
        AttemptEnd::KilledForMemory { certain: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::run::{AttemptEnd, TrainerExit};

    const CERTAIN: AttemptEnd = AttemptEnd::KilledForMemory { certain: true };

    #[test]
    fn each_kill_explains_one_end() {
        let mut kills = MemoryKills::default();
        assert_eq!(
            kills.explain(AttemptEnd::KILLED, Some(5), Some(5)),
            AttemptEnd::KILLED,
            "killed by someone"
        );
        assert_eq!(kills.explain(AttemptEnd::KILLED, Some(5), Some(6)), CERTAIN);
        // An attempt at the same time, killed for another reason, and one that started after the
        // first kill.
        assert_eq!(
            kills.explain(AttemptEnd::KILLED, Some(5), Some(6)),
            AttemptEnd::KILLED
        );
        assert_eq!(
            kills.explain(AttemptEnd::KILLED, Some(6), Some(6)),
            AttemptEnd::KILLED
        );
        // Two at once.
        assert_eq!(
            [8, 8].map(|now| kills.explain(AttemptEnd::KILLED, Some(6), Some(now))),
            [CERTAIN, CERTAIN]
        );
    }

    #[test]
    fn what_is_not_counted_is_not_certain() {
        let perhaps = AttemptEnd::KilledForMemory { certain: false };
        for (at_start, now) in [(None, None), (None, Some(3)), (Some(3), None)] {
            assert_eq!(
                MemoryKills::default().explain(AttemptEnd::KILLED, at_start, now),
                perhaps
            );
        }
        let exit = AttemptEnd::Exit(TrainerExit::Crash as i32);
        assert_eq!(
            MemoryKills::default().explain(exit.clone(), Some(0), Some(1)),
            exit
        );
    }
}
