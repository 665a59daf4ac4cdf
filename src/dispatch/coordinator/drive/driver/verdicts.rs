//! What is decided, on its way to the log: after the store has it.

use tracing::Span;

use super::Driver;
use crate::coordinator::drive::trace::{Grounds, attempt_span, run_span, tell};
use crate::coordinator::schedule::{Choice, Subject, Verdict};

impl Driver<'_> {
    /// Notes verdicts, before the attempts that they end are forgotten. That slots stay empty is said once while it is so.
    pub(super) fn note_verdicts(&mut self, verdicts: Vec<Verdict>) {
        let mut waits = false;
        for verdict in verdicts {
            if matches!(verdict.choice, Choice::Wait { .. }) {
                let is_told = self.told_to_wait || waits;
                waits = true;
                if is_told {
                    continue;
                }
            }
            let claim = verdict.subject.claim();
            let active = claim.and_then(|claim| self.active.get(&claim));
            let span = active.map(|active| active.span.clone());
            self.verdicts.push((span, verdict));
        }
        self.told_to_wait = waits;
    }

    /// Writes what was decided to the log, now that it is in the store, and returns it to be carried out.
    pub(super) fn tell_verdicts(&mut self) -> Vec<Verdict> {
        let verdicts = std::mem::take(&mut self.verdicts);
        let grounds = Grounds {
            plan: self.plan,
            order: self.options.policy.order,
            disk: self.disk,
        };
        let told = |(span, verdict): (Option<Span>, Verdict)| {
            let span = span.unwrap_or_else(|| self.span_of(verdict.subject));
            tell(&span, &verdict, grounds);
            verdict
        };
        verdicts.into_iter().map(told).collect()
    }

    fn span_of(&self, subject: Subject) -> Span {
        match subject {
            Subject::Attempt(claim) => {
                let fence = self.ledger.token(claim).unwrap_or_default();
                attempt_span(self.plan, claim, &fence)
            }
            Subject::Run(run) => run_span(self.plan, run),
            Subject::Sweep => Span::current(),
        }
    }
}
