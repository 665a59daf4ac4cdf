//! Periodic checks of attempts, requests, engines and the disk.

use std::time::Instant;

use tracing::info;

use super::{Driver, LOOK_INTERVAL};
use crate::coordinator::drive::observer::DiskRoom;
use crate::coordinator::drive::summary::DriveError;
use crate::coordinator::requests::run_of;
use crate::coordinator::schedule::{RunIndex, ScheduleEvent, ScheduleState};
use crate::executor::{Outage, StopRequest, free_disk, raise_request};
use crate::store::{RequestKind, UserRequest};

impl Driver<'_> {
    /// Reports new events of attempts, stops overdue attempts, and checks for requests and disk
    /// space.
    pub(super) fn look(&mut self) -> Result<Vec<ScheduleEvent>, DriveError> {
        // If this process was suspended, the trainers must not be blamed for the silence.
        let passed = self.looked.elapsed().min(2 * LOOK_INTERVAL);
        self.looked = Instant::now();
        let mut events = Vec::new();
        for (claim, active) in &mut self.active {
            if active.begins() {
                self.observer.began(active.slot, &self.plan.runs[claim.run]);
                events.push(ScheduleEvent::Started(*claim, None));
            }
            let trouble = self
                .outages
                .get(self.options.slots[active.slot].engine)
                .and_then(Option::as_ref);
            let is_cut_off = trouble.is_some_and(Outage::hides_news);
            if let Some(event) = active.look(passed, is_cut_off).last() {
                self.observer
                    .advanced(active.slot, &self.plan.runs[claim.run], event);
            }
            if active.becomes_overdue(self.options.stall, self.options.time_limit) {
                let reason = active.overdue.as_ref().map(|failure| &failure.message);
                info!(parent: &active.span, reason, "asked to stop");
                raise_request(&active.asked, StopRequest::Stop);
            }
        }
        events.extend(self.read_requests()?);
        events.extend(self.disk());
        self.report_outages();
        self.observer.tick();
        events.push(ScheduleEvent::Tick);
        Ok(events)
    }

    /// Reports the outages of engines that have begun, and those that have ended.
    fn report_outages(&mut self) {
        let before = std::mem::replace(&mut self.outages, self.options.engines.outages());
        for (i, (now, name)) in self
            .outages
            .iter()
            .zip(self.options.engines.names())
            .enumerate()
        {
            match (before.get(i).and_then(Option::as_ref), now) {
                (before, Some(now)) if before != Some(now) => {
                    info!(engine = name, reason = now.message(), "engine outage");
                    self.observer.outage(name, &now.message(), false)
                }
                (Some(before), None) => {
                    info!(
                        engine = name,
                        reason = before.end_message(),
                        "engine recovered"
                    );
                    self.observer.outage(name, before.end_message(), true)
                }
                _ => {}
            }
        }
    }

    fn disk(&mut self) -> Option<ScheduleEvent> {
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
            ScheduleEvent::DiskLow
        } else {
            ScheduleEvent::DiskFree
        })
    }

    /// Reads the requests of other commands since the last look.
    fn read_requests(&mut self) -> Result<Vec<ScheduleEvent>, DriveError> {
        let (mut events, mut unknown) = (Vec::new(), Vec::new());
        for request in self.ledger.store.requests()? {
            let mut open = self.requests.iter();
            if open.any(|(known, _)| known.id == request.id) {
                continue;
            }
            match run_of(self.plan, &request) {
                Ok(run) => {
                    events.push(ScheduleEvent::Requested(request.kind, run));
                    self.requests.push((request, run));
                }
                Err(answer) => unknown.push(answer),
            }
        }
        self.ledger.store.answer(&unknown)?;
        Ok(events)
    }

    /// Answers requests that are carried out. The attempt of a cancelled run must end first.
    pub(super) fn answer(&mut self, state: &ScheduleState) -> Result<(), DriveError> {
        let settled = |(request, run): &(UserRequest, RunIndex)| {
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
