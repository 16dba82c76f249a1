//! Orders of the office, and of the sandbox's clock: each in a transaction of its own.

use std::sync::PoisonError;

use koi_core::catalog::Catalog;
use koi_core::command::{Answer, Order};
use koi_core::id::{CampaignId, Cell};
use koi_core::office::order;
use koi_core::refusal::Refusal;
use koi_core::scene::Scene;
use koi_core::time::Time;
use koi_store::{Answered, Begun, LogLine, Notes, StoreError, Want, Wanted};

use super::{Pipeline, refused};
use crate::engine::beacons::Unaccepted;
use crate::engine::statements::stated;
use crate::engine::work::{Done, Failure, OfficeWork, Outcome};
use crate::limits;

impl Pipeline {
    /// Carries out an order.
    pub(super) fn office(&mut self, work: &OfficeWork) -> Outcome {
        if let Order::Close(id) = &work.order
            && !self.is_booked(id)?
        {
            return Err(Failure::CatchingUp);
        }
        let mut decided = false;
        let done = self.again(|pipeline| pipeline.try_office(work, &mut decided));
        done.unwrap_or_else(|error| {
            self.failed(&error);
            Err(Failure::from(&error))
        })
    }

    /// Books what is due of a campaign; false if that is more than others can be kept waiting for. Whether money is
    /// still held must not depend on a job being on time, nor on its rest after a failure.
    fn is_booked(&mut self, id: &CampaignId) -> Result<bool, Failure> {
        let cells = self.all_cells();
        for _ in 0..limits::CATCH_UP {
            match self.book_some_of(&cells, |campaign| campaign.rules.id == *id) {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(error) => return Err(Failure::from(&error)),
            }
        }
        Ok(false)
    }

    /// `decided`: whether the order was decided before, and it was not known in the end whether it is stored.
    fn try_office(&mut self, work: &OfficeWork, decided: &mut bool) -> Result<Outcome, StoreError> {
        let cells = self.cells_of(&work.order);
        let Begun { mut cells, revision, answered, .. } = self.begin(
            |catalog| {
                let campaign = work.order.campaign().and_then(|id| catalog.campaign(id));
                let slice = campaign.map(|campaign| Want::Slice(campaign.number));
                cells.iter().map(|cell| (*cell, slice.into_iter().collect())).collect::<Vec<Wanted>>()
            },
            work.asked.map(|asked| asked.key),
        )?;
        if let (Some(asked), Some(kept)) = (work.asked, answered) {
            if *decided || self.store.is_shared() {
                // It may be there without the replicas having it yet: this waits for them, too.
                self.store.commit(&cells, &Notes::default())?;
            } else {
                self.store.rollback();
            }
            let same = kept.asked.fingerprint == asked.fingerprint;
            let repeat = Done::Office { status: kept.status, body: kept.body, replayed: !*decided };
            return Ok(if same { Ok(repeat) } else { Err(Failure::Refused(Refusal::KeyReused)) });
        }
        let now = self.clock.now();
        let catalog = self.look();
        if let Err(no) = self.accepts(&work.order, &catalog, now) {
            drop(catalog);
            self.store.rollback();
            return Ok(Err(Failure::Unaccepted(no)));
        }
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &self.pools };
        let decision = match order(&mut cells, &scene, &work.order, &work.by) {
            Ok(decision) => decision,
            Err(no) => {
                drop(catalog);
                self.store.rollback();
                return Ok(Err(refused(no)));
            }
        };
        drop(catalog);
        // What changes nothing says nothing.
        let is_news = cells.is_changed();
        let statements = if is_news { stated(&work.order, &decision.answer, &cells, now) } else { Ok(Vec::new()) };
        let statements = match statements {
            Ok(statements) => statements,
            Err(error) => {
                self.store.rollback();
                return Err(error);
            }
        };
        let (status, body) = (work.render)(&decision.answer, now);
        let log = LogLine {
            at: now,
            principal: work.by.clone(),
            action: work.order.name().to_owned(),
            subject: subject(&decision.answer),
            detail: work.detail.clone(),
        };
        let answered = work.asked.map(|asked| Answered { asked, status, body: body.clone() });
        let log = if is_news { vec![log] } else { Vec::new() };
        let notes = Notes { answered, log, statements, sandbox_clock: None };
        // From here on the order may be stored.
        *decided = true;
        self.store.commit(&cells, &notes)?;
        self.recovered();
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        if catalog.revision == revision {
            let entries: Vec<_> = cells.iter().flat_map(|rows| rows.entries.clone()).collect();
            catalog.revision += u64::from(!entries.is_empty());
            entries.into_iter().for_each(|entry| catalog.apply(entry));
        }
        drop(catalog);
        // A pause or its end changes what falls due when.
        self.next_due = Some(now);
        if self.clock.is_frozen() {
            // In a sandbox nothing happens later by itself. What fails is tried again soon.
            let _ = self.book_everything();
        }
        Ok(Ok(Done::Office { status, body, replayed: false }))
    }

    /// Whoever brings the randomness of a campaign is not believed: what is about to be stored is verified here, against
    /// the campaign as it is in this very transaction.
    fn accepts(&self, order: &Order, catalog: &Catalog, now: Time) -> Result<(), Unaccepted> {
        let Order::Unseal(id, round, beacon) = order else { return Ok(()) };
        match catalog.campaign(id).and_then(|campaign| campaign.seal.as_ref()) {
            Some(seal) => self.pools.beacons().accept(seal, *round, beacon, now).inspect_err(|no| {
                if let Unaccepted::UnknownChain(_) = no {
                    tracing::error!(campaign = %id, error = %no, "a campaign cannot be unsealed by this Koi");
                }
            }),
            // The rules say what is wrong with that.
            None => Ok(()),
        }
    }

    /// The cells that an order must have to itself. A campaign's order has all: so every batch comes before or after it
    /// as a whole, whoever decides it.
    fn cells_of(&self, order: &Order) -> Vec<Cell> {
        if order.campaign().is_some() { self.all_cells() } else { vec![Cell::TREASURY] }
    }

    /// Moves the sandbox's clock, and does all that falls due by then. It has all cells meanwhile: nothing is decided on
    /// the time before once this is answered, by whichever server.
    pub(super) fn set_clock(&mut self, to: Time) -> Outcome {
        let moved = self.again(|pipeline| {
            let cells: Vec<Wanted> = pipeline.all_cells().into_iter().map(|cell| (cell, Vec::new())).collect();
            let begun = pipeline.begin(|_| cells.clone(), None)?;
            let now = pipeline.clock.now();
            if to < now {
                pipeline.store.rollback();
                return Ok(Err(Failure::ClockBackwards(now)));
            }
            pipeline.store.commit(&begun.cells, &Notes { sandbox_clock: Some(to), ..Notes::default() })?;
            Ok(Ok(()))
        });
        let moved = match moved {
            Ok(Ok(())) => {
                self.clock.set(to);
                self.book_everything()
            }
            Ok(Err(backwards)) => return Err(backwards),
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        };
        moved.map(|()| Done::Clock(to)).map_err(|error| Failure::from(&error))
    }
}

/// What the log calls the subject of an order.
pub(super) fn subject(answer: &Answer) -> String {
    match answer {
        Answer::Campaign(campaign, _) => campaign.rules.id.to_string(),
        Answer::Merchant(merchant) => merchant.id.to_string(),
        Answer::Store(store) => store.id.to_string(),
        Answer::Code(code) => code.text.as_str().to_owned(),
        Answer::Rate(from, into, rate) => format!("{from}-{into} {rate}"),
        Answer::Coupon(coupon) => coupon.id.to_string(),
        Answer::Quote(quote) => quote.id.to_string(),
        Answer::Payment(_, payment) => payment.id.to_string(),
        Answer::Refund(_, refund) => refund.id.to_string(),
    }
}
