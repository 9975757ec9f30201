//! A process that ends before its program is done, and the one that takes its place.
//!
//! Of a process that is killed nothing is left but what it had on the network: nobody is told of its records, and what
//! it has asked for may still arrive.

use std::rc::Rc;
use std::time::Instant;

use crate::outbox::{Outbox, live};
use crate::world::{Event, World};

/// A process that is to begin in the place of another.
pub(crate) struct Successor {
    /// Whose place it takes, and how that has ended.
    pub(crate) client: usize,
    pub(crate) death: Death,
    pub(crate) begins: Instant,
    pub(crate) outbox: Rc<Outbox>,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Killed,
    /// It has closed its producer.
    Closed,
}

impl World {
    /// Takes away who has been killed, and lets others begin later.
    pub(crate) fn plan_successors(&mut self) {
        let planned = std::mem::take(&mut *self.ground.successors.borrow_mut());
        for Successor {
            client,
            death,
            begins,
            outbox,
        } in planned
        {
            if death == Death::Killed {
                self.kill_client(client);
            }
            self.successors_planned += 1;
            self.agenda.push(begins, Event::Begin(outbox));
        }
    }

    /// A process begins.
    pub(crate) fn begin_successor(&mut self, outbox: Rc<Outbox>) {
        self.successors_planned -= 1;
        let producer = self.start_client(self.plan.settings.clone());
        let client = producer.client;
        self.tasks.spawn(client, live(producer, outbox));
    }

    fn kill_client(&mut self, number: usize) {
        self.clients[number].kill();
        self.ground.ledger.borrow_mut().note_killed(number);
        let links = std::mem::take(&mut self.clients[number].links);
        for link in links.into_values() {
            self.forget(link);
        }
    }

    /// Any producer whose process is there.
    pub(crate) fn any_client(&mut self) -> usize {
        let clients = self.clients.iter().enumerate();
        let living = clients.filter(|(_, client)| !client.is_killed());
        let living: Vec<usize> = living.map(|(number, _)| number).collect();
        match living.is_empty() {
            true => self.clients.len() - 1,
            false => living[self.random.usize(..living.len())],
        }
    }

    /// Whether two producers may act at the same time.
    pub(crate) fn has_rivals(&self) -> bool {
        let living = self.clients.iter().filter(|client| !client.has_ended());
        living.count() > 1
    }
}
