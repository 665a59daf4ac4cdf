//! What is looked at every moment: attempts, requests, engines, the disk.

use std::time::Instant;

use tracing::info;

use super::{Driver, LOOK};
use crate::coordinator::drive::observer::DiskRoom;
use crate::coordinator::drive::summary::DriveError;
use crate::coordinator::requests::run_of;
use crate::coordinator::schedule::{Event, RunIndex, State};
use crate::executor::{Asked, Trouble, ask, free_disk};
use crate::store::{Request, RequestKind};

impl Driver<'_> {
    /// Shows what attempts have said, stops those that are overdue, and looks for requests and for room on the disk.
    pub(super) fn look(&mut self) -> Result<Vec<Event>, DriveError> {
        // Time in which this process itself stood still is not held against its trainers.
        let passed = self.looked.elapsed().min(2 * LOOK);
        self.looked = Instant::now();
        let mut events = Vec::new();
        for (claim, active) in &mut self.active {
            if active.begins() {
                self.observer.began(active.slot, &self.plan.runs[claim.run]);
                events.push(Event::Started(*claim, None));
            }
            let trouble = self
                .troubles
                .get(self.options.slots[active.slot].engine)
                .and_then(Option::as_ref);
            let is_cut_off = trouble.is_some_and(Trouble::hides_news);
            if let Some(event) = active.look(passed, is_cut_off).last() {
                self.observer
                    .advanced(active.slot, &self.plan.runs[claim.run], event);
            }
            if active.becomes_overdue(self.options.stall, self.options.time_limit) {
                let reason = active.overdue.as_ref().map(|failure| &failure.message);
                info!(parent: &active.span, reason, "asked to stop");
                ask(&active.asked, Asked::Stop);
            }
        }
        events.extend(self.requested()?);
        events.extend(self.disk());
        self.tell_troubles();
        self.observer.tick();
        events.push(Event::Tick);
        Ok(events)
    }

    /// Tells what has come to keep an engine from its attempts, and what does no more.
    fn tell_troubles(&mut self) {
        let before = std::mem::replace(&mut self.troubles, self.options.engines.troubles());
        for (i, (now, name)) in self
            .troubles
            .iter()
            .zip(self.options.engines.names())
            .enumerate()
        {
            match (before.get(i).and_then(Option::as_ref), now) {
                (before, Some(now)) if before != Some(now) => {
                    info!(engine = name, reason = now.words(), "engine in trouble");
                    self.observer.trouble(name, &now.words(), false)
                }
                (Some(before), None) => {
                    info!(engine = name, reason = before.over(), "engine well again");
                    self.observer.trouble(name, before.over(), true)
                }
                _ => {}
            }
        }
    }

    fn disk(&mut self) -> Option<Event> {
        let room = DiskRoom {
            free: free_disk(self.sweep.root())?,
            reserve: self.options.disk_reserve,
        };
        let was_low = self.disk.replace(room).is_some_and(DiskRoom::is_low);
        if room.is_low() == was_low {
            return None;
        }
        self.observer.disk(room);
        Some(if room.is_low() {
            Event::DiskLow
        } else {
            Event::DiskFree
        })
    }

    /// What other commands have asked for since the last look.
    fn requested(&mut self) -> Result<Vec<Event>, DriveError> {
        let (mut events, mut unknown) = (Vec::new(), Vec::new());
        for request in self.ledger.store.requests()? {
            let mut open = self.requests.iter();
            if open.any(|(known, _)| known.id == request.id) {
                continue;
            }
            match run_of(self.plan, &request) {
                Ok(run) => {
                    events.push(Event::Asked(request.kind, run));
                    self.requests.push((request, run));
                }
                Err(answer) => unknown.push(answer),
            }
        }
        self.ledger.store.answer(&unknown)?;
        Ok(events)
    }

    /// Answers requests that are carried out: a run that is to be cancelled has first to end.
    pub(super) fn answer(&mut self, state: &State) -> Result<(), DriveError> {
        let settled = |(request, run): &(Request, RunIndex)| {
            let state = &state.record(*run).state;
            request.kind == RequestKind::Retry || state.has_ended()
        };
        let (settled, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition(settled);
        self.requests = open;
        let answers: Vec<_> = settled
            .into_iter()
            .map(|(request, run)| (request.id, state.record(run).state.name().to_owned()))
            .collect();
        Ok(self.ledger.store.answer(&answers)?)
    }
}
