//! Whether the kernel killed a trainer for want of memory: it counts such kills and says no names.

use isoflop_core::run::AttemptEnd;

/// Kills for memory that were attributed to a trainer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kills {
    attributed: u64,
}

impl Kills {
    /// The end of an attempt, with the cause of a SIGKILL where the kernel's count tells: it was `at_start` when the attempt
    /// began and is `now`. Each kill that was counted explains one end.
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
        let mut kills = Kills::default();
        assert_eq!(
            kills.explain(AttemptEnd::KILLED, Some(5), Some(5)),
            AttemptEnd::KILLED,
            "killed by someone"
        );
        assert_eq!(kills.explain(AttemptEnd::KILLED, Some(5), Some(6)), CERTAIN);
        // Beside it, another that ended by other means; and one that began after the first kill.
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
                Kills::default().explain(AttemptEnd::KILLED, at_start, now),
                perhaps
            );
        }
        let exit = AttemptEnd::Exit(TrainerExit::Crash as i32);
        assert_eq!(
            Kills::default().explain(exit.clone(), Some(0), Some(1)),
            exit
        );
    }
}
