//! Logging of verdicts, after the store has them.

use tracing::Span;

use super::Driver;
use crate::coordinator::drive::trace::{VerdictContext, attempt_span, log_verdict, run_span};
use crate::coordinator::schedule::{Verdict, VerdictKind, VerdictSubject};

impl Driver<'_> {
    /// Queues verdicts for the log, before the attempts that they end are forgotten.
    ///
    /// Empty slots are reported once, until they are filled.
    pub(super) fn queue_verdicts(&mut self, verdicts: Vec<Verdict>) {
        let mut waits = false;
        for verdict in verdicts {
            if matches!(verdict.choice, VerdictKind::Wait { .. }) {
                let is_told = self.reported_empty_slots || waits;
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
        self.reported_empty_slots = waits;
    }

    /// Logs the queued verdicts, which are in the store now, and returns them to be carried out.
    pub(super) fn log_verdicts(&mut self) -> Vec<Verdict> {
        let verdicts = std::mem::take(&mut self.verdicts);
        let grounds = VerdictContext {
            plan: self.plan,
            order: self.options.policy.order,
            disk: self.disk,
        };
        let told = |(span, verdict): (Option<Span>, Verdict)| {
            let span = span.unwrap_or_else(|| self.span_of(verdict.subject));
            log_verdict(&span, &verdict, grounds);
            verdict
        };
        verdicts.into_iter().map(told).collect()
    }

    fn span_of(&self, subject: VerdictSubject) -> Span {
        match subject {
            VerdictSubject::Attempt(claim) => {
                let fence = self.ledger.token(claim).unwrap_or_default();
                attempt_span(self.plan, claim, &fence)
            }
            VerdictSubject::Run(run) => run_span(self.plan, run),
            VerdictSubject::Sweep => Span::current(),
        }
    }
}
