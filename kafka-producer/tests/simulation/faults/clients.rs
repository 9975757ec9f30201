//! Producers that stand still, whose clocks are set, who have a rival, and callers who rest.

use std::rc::Rc;

use super::{Spared, ms};
use crate::group::group_of;
use crate::plan::{CallerPlan, LULL_MAX};
use crate::transactor::transact;
use crate::world::World;

impl World {
    /// Once: it fences the producer that was there before.
    pub(super) fn start_rival(&mut self) -> Result<(), Spared> {
        if self.clients.len() > 1 {
            return Err(Spared::AlreadyThere);
        }
        let plan = Rc::clone(&self.plan);
        let rival = self.start_client(plan.settings.clone());
        let caller = plan.callers[0];
        let records = 1 + caller.records / 2;
        let transact = transact(rival, plan, CallerPlan { records, ..caller });
        self.tasks.spawn(1, transact);
        Ok(())
    }

    /// Of the group whose offsets a producer commits.
    pub(super) fn rebalance(&mut self) {
        let client = self.any_client();
        let standing = self.ground.standing(client);
        let standing = match self.random.bool() {
            true => standing.renumbered(),
            false => standing.replaced(),
        };
        self.ground
            .trace
            .tell(group_of(client), || format!("has {standing:?} now"));
        self.set_standing(client, standing);
    }

    pub(super) fn stall_one(&mut self) {
        let client = self.any_client();
        let time = match self.random.u32(..3) {
            0 => self.some_time(ms(1_000), ms(10_000)),
            _ => self.some_time(ms(10), ms(500)),
        };
        let who = &self.clients[client].producer;
        self.ground
            .trace
            .tell(who, || format!("stands still for {time:?}"));
        self.stall(client, time);
    }

    /// By no more than a cluster bears whose clocks do not agree.
    pub(super) fn set_clock(&mut self) {
        let by_ms = self.random.i64(-CLOCK_STEP_MAX_MS..=CLOCK_STEP_MAX_MS);
        self.ground
            .trace
            .tell("wall clock", || format!("is {by_ms} ms off now"));
        self.ground.clock.set_off(by_ms);
    }

    /// Nobody sends anything for so long that brokers forget who has sent before: no fault needs to
    /// make them, nor to find out that nothing is on its way.
    pub(super) fn lull(&mut self) -> Result<(), Spared> {
        let memory = self.plan.cluster.producer_id_expiration;
        if memory > LULL_MAX {
            return Err(Spared::MemoryOutlastsTheRun);
        }
        let checked = self.plan.cluster.producer_id_expiration_check;
        let time = self.some_time(memory, memory + checked + ms(500));
        self.ground
            .trace
            .tell("callers", || format!("send nothing for {time:?}"));
        self.ground.lull_until.set(Some(self.now() + time));
        Ok(())
    }
}

/// How far the clock of a producer is off at most, either way.
const CLOCK_STEP_MAX_MS: i64 = 900;
