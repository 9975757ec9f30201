//! When metadata is asked for, and whether about some topics or about everything.
//!
//! ```text
//! all topics: Unknown ──asked──▶ Since(then) ──metadata.max.age.ms──▶ Aged ──asked──▶ Since(then)
//!                                     └──a broker was lost──▶ Stale ──asked──▶ Since(then)
//! a topic:    new ──asked about──▶ missing ──told of──▶ neither
//!             its leaders may have moved ──asked about──▶ told, or moved again
//! ```
//!
//! However much is wanted, and whatever is answered: between two requests there is `retry.backoff.ms`,
//! which grows as long as the answers bring nothing new. Only what was never asked about does not wait
//! for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::backoff::Pace;
use crate::settings::BackoffRange;

/// The requests for metadata.
#[derive(Debug)]
pub(crate) struct Updates {
    /// Topics of which something is missing: all, a partition that is waited for, a leader. Each
    /// caller that waits, waits for one of them.
    missing: BTreeSet<Arc<str>>,
    /// Those of the missing that nobody was asked about.
    new: BTreeSet<Arc<str>>,
    /// Topics that were asked about and are not here any more, and until when they are not new.
    forgotten: BTreeMap<Arc<str>, Instant>,
    /// Topics whose leaders may have moved since they were asked about.
    moved: BTreeSet<Arc<str>>,
    everything: Everything,
    /// What the request on its way is about.
    asked: Option<Question>,
    pace: Pace,
    /// Since when every request was in vain, if that is so.
    unheard_since: Option<Instant>,
}

/// What is known of all topics in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Everything {
    /// Nothing; the first request is about them all.
    Unknown,
    /// What was asked for then, and told or to be told.
    Since(Instant),
    /// The same, for too long.
    Aged,
    /// What may have changed.
    Stale,
}

/// A request on its way.
#[derive(Debug)]
enum Question {
    /// About some topics; of these the leaders may have moved.
    Some {
        moved: BTreeSet<Arc<str>>,
    },
    Everything(Scope),
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Topics of which something is missing, or whose leaders may have moved.
    Some,
    /// Every topic in use, because something may have changed.
    Everything,
    /// The same, because of the age of what is known: nothing need have changed.
    Aged,
}

/// What an answer has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gain {
    /// A topic or a leader.
    News,
    /// All that was asked for, and none of it new.
    Nothing,
    /// Not all that was asked for.
    Gaps,
}

/// Whether an answer has told all that is wanted of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Complete,
    Incomplete,
}

impl Told {
    pub(crate) fn of(complete: bool) -> Self {
        match complete {
            true => Self::Complete,
            false => Self::Incomplete,
        }
    }
}

impl Updates {
    /// Nothing was asked for; between requests there is `backoff`.
    pub(crate) fn new(backoff: BackoffRange) -> Self {
        Self {
            missing: BTreeSet::new(),
            new: BTreeSet::new(),
            forgotten: BTreeMap::new(),
            moved: BTreeSet::new(),
            everything: Everything::Unknown,
            asked: None,
            pace: Pace::new(backoff),
            unheard_since: None,
        }
    }

    /// Somebody is interested in a topic.
    pub(crate) fn add(&mut self, topic: &Arc<str>, now: Instant) {
        self.missing.insert(Arc::clone(topic));
        let forgotten = self.forgotten.remove(topic);
        if forgotten.is_none_or(|until| until <= now) {
            self.new.insert(Arc::clone(topic));
        }
    }

    /// No caller is interested in a topic any more. One that is soon does not wait for a new one, if the last
    /// request may have been about it.
    pub(crate) fn remove(&mut self, topic: &Arc<str>, now: Instant) {
        self.missing.remove(topic);
        self.moved.remove(topic);
        if let Some(Question::Some { moved }) = &mut self.asked {
            moved.remove(topic);
        }
        let was_asked = !self.new.remove(topic);
        let asked = self.pace.begun().filter(|_| was_asked);
        let until = asked.map(|asked| asked + self.pace.longest());
        if let Some(until) = until.filter(|until| *until > now) {
            self.forgotten.insert(Arc::clone(topic), until);
        }
    }

    /// What is known may have changed: all topics are to be asked about.
    pub(crate) fn request_all(&mut self) {
        self.everything = Everything::Stale;
    }

    /// Something is missing of this topic: it is to be asked about.
    pub(crate) fn request(&mut self, topic: &Arc<str>) {
        if !self.missing.contains(topic) {
            self.missing.insert(Arc::clone(topic));
        }
    }

    /// The leaders of this topic, which is known, may have moved: it is to be asked about, whatever the answer to a
    /// request on its way says.
    pub(crate) fn request_anew(&mut self, topic: &Arc<str>) {
        if !self.moved.contains(topic) {
            self.moved.insert(Arc::clone(topic));
        }
    }

    /// What is known is wanted anew if it is older than `max_age`.
    pub(crate) fn age(&mut self, now: Instant, max_age: Duration) {
        if matches!(self.everything, Everything::Since(since) if since + max_age <= now) {
            self.everything = Everything::Aged;
        }
    }

    /// An answer has told of this topic.
    pub(crate) fn told(&mut self, topic: &Arc<str>, told: Told) {
        match told {
            Told::Complete => {
                self.missing.remove(topic);
                self.new.remove(topic);
            }
            Told::Incomplete => self.request(topic),
        }
    }

    /// The topics of which something is missing.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &Arc<str>> {
        self.missing.iter()
    }

    /// Whether something is missing of any of these topics.
    pub(crate) fn lack_any(&self, topics: &[Arc<str>]) -> bool {
        topics.iter().any(|topic| self.missing.contains(topic))
    }

    /// When the next request may be sent, if one is to be.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        if self.asked.is_some() {
            None
        } else if !self.new.is_empty() {
            Some(now)
        } else {
            let stale = matches!(self.everything, Everything::Aged | Everything::Stale);
            let some = !self.missing.is_empty() || !self.moved.is_empty();
            (stale || some).then(|| self.pace.earliest(now))
        }
    }

    /// When something will be due that is not yet: a request, or the age of what is known.
    pub(crate) fn next_due(&self, now: Instant, max_age: Duration) -> Option<Instant> {
        let aged = match self.everything {
            Everything::Since(since) => Some(since + max_age),
            _ => None,
        };
        let both = [self.next(now), aged].into_iter().flatten();
        both.filter(|at| *at > now).min()
    }

    /// What the next request is about.
    pub(crate) fn scope(&self) -> Scope {
        match self.everything {
            Everything::Unknown | Everything::Stale => Scope::Everything,
            Everything::Aged => Scope::Aged,
            Everything::Since(_) => Scope::Some,
        }
    }

    /// The topics that a request about some names.
    pub(crate) fn some(&self) -> impl Iterator<Item = &Arc<str>> {
        self.missing.union(&self.moved)
    }

    /// The request is on its way.
    pub(crate) fn asked(&mut self, scope: Scope, now: Instant, random: &mut fastrand::Rng) {
        self.pace.recover(now);
        self.pace.begin(now, random);
        self.new.clear();
        self.forgotten.retain(|_, until| *until > now);
        let moved = std::mem::take(&mut self.moved);
        self.asked = Some(match scope {
            Scope::Some => Question::Some { moved },
            Scope::Everything | Scope::Aged => {
                self.everything = Everything::Since(now);
                Question::Everything(scope)
            }
        });
    }

    /// The request is answered, which has come to so much.
    pub(crate) fn answered(&mut self, gained: Gain, now: Instant, random: &mut fastrand::Rng) {
        match (self.asked.take(), gained) {
            (_, Gain::News) => self.pace.succeed(random),
            (Some(Question::Everything(Scope::Aged)), Gain::Nothing) => {}
            _ => drop(self.pace.fail(now, random)),
        }
    }

    /// The request was not answered, or brought no broker: it is to be sent again.
    pub(crate) fn failed(&mut self, now: Instant, random: &mut fastrand::Rng) {
        self.pace.fail(now, random);
        match self.asked.take() {
            Some(Question::Some { moved }) => self.moved.extend(moved),
            Some(Question::Everything(_)) => self.request_all(),
            None => {}
        }
    }

    /// No metadata came from where it was asked for, or nobody is left to ask.
    pub(crate) fn note_unheard(&mut self, now: Instant) {
        self.unheard_since.get_or_insert(now);
    }

    /// Metadata came; or from now on it counts anew how long none did.
    pub(crate) fn note_heard(&mut self) {
        self.unheard_since = None;
    }

    /// Whether there was no metadata for so long.
    pub(crate) fn are_unheard_for(&self, time: Duration, now: Instant) -> bool {
        let unheard = |since| now.saturating_duration_since(since) >= time;
        self.unheard_since.is_some_and(unheard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn updates() -> (Updates, fastrand::Rng, Instant) {
        let backoff = BackoffRange {
            initial: MS * 100,
            max: MS * 1000,
        };
        let random = fastrand::Rng::with_seed(1);
        (Updates::new(backoff), random, Instant::now())
    }

    #[test]
    fn a_new_topic_waits_for_no_backoff_and_one_that_is_missing_does() {
        let (mut updates, mut random, now) = updates();
        let (first, second): (Arc<str>, Arc<str>) = ("first".into(), "second".into());
        assert_eq!(updates.next(now), None);
        updates.add(&first, now);
        assert_eq!(
            (updates.next(now), updates.scope()),
            (Some(now), Scope::Everything)
        );
        updates.asked(Scope::Everything, now, &mut random);
        updates.add(&second, now);
        assert_eq!(updates.next(now), None, "one request at a time");
        updates.told(&first, Told::Incomplete);
        updates.answered(Gain::Gaps, now, &mut random);
        assert_eq!(
            (updates.next(now), updates.scope()),
            (Some(now), Scope::Some)
        );
        updates.asked(Scope::Some, now, &mut random);
        updates.answered(Gain::Gaps, now, &mut random);
        let next = updates.next(now).unwrap();
        assert!(next >= now + MS * 80, "{:?}", next - now);
    }

    #[test]
    fn a_topic_that_comes_back_soon_is_not_new() {
        let (mut updates, mut random, now) = updates();
        let topic: Arc<str> = "orders".into();
        updates.add(&topic, now);
        updates.asked(Scope::Everything, now, &mut random);
        updates.answered(Gain::Nothing, now, &mut random);
        updates.remove(&topic, now);
        updates.add(&topic, now);
        assert!(updates.next(now).unwrap() > now);
        updates.remove(&topic, now);
        let later = now + MS * 1000;
        updates.add(&topic, later);
        assert_eq!(updates.next(later), Some(later));
    }

    fn named(updates: &Updates) -> Vec<&str> {
        assert_eq!(updates.scope(), Scope::Some);
        updates.some().map(|topic| &**topic).collect()
    }

    #[test]
    fn a_topic_whose_leaders_moved_is_asked_about_alone_until_a_later_request_is_answered() {
        let (mut updates, mut random, now) = updates();
        let (orders, payments): (Arc<str>, Arc<str>) = ("orders".into(), "payments".into());
        updates.asked(Scope::Everything, now, &mut random);
        updates.answered(Gain::News, now, &mut random);
        updates.request_anew(&orders);
        assert_eq!(named(&updates), ["orders"]);
        updates.asked(Scope::Some, now, &mut random);
        updates.request_anew(&payments);
        updates.failed(now, &mut random);
        assert_eq!(named(&updates), ["orders", "payments"]);
        updates.asked(Scope::Some, now, &mut random);
        updates.request_anew(&payments);
        updates.told(&payments, Told::Complete);
        updates.answered(Gain::News, now, &mut random);
        assert_eq!(
            named(&updates),
            ["payments"],
            "it may have moved after the answer"
        );
        updates.remove(&payments, now);
        assert_eq!(updates.next(now), None);
    }

    #[test]
    fn a_request_about_everything_that_failed_is_about_everything_again() {
        let (mut updates, mut random, now) = updates();
        let age = MS * 5000;
        updates.asked(Scope::Everything, now, &mut random);
        updates.failed(now, &mut random);
        assert_eq!(updates.scope(), Scope::Everything);
        updates.asked(Scope::Everything, now, &mut random);
        updates.answered(Gain::News, now, &mut random);
        assert_eq!(updates.next(now), None);
        assert_eq!(updates.next_due(now, age), Some(now + age));
        updates.age(now + age, age);
        assert_eq!(updates.scope(), Scope::Aged);
    }

    #[test]
    fn silence_counts_from_the_first_request_in_vain() {
        let (mut updates, _, now) = updates();
        assert!(!updates.are_unheard_for(Duration::ZERO, now));
        updates.note_unheard(now);
        updates.note_unheard(now + MS * 9);
        assert!(!updates.are_unheard_for(MS * 10, now + MS * 9));
        assert!(updates.are_unheard_for(MS * 10, now + MS * 10));
        updates.note_heard();
        assert!(!updates.are_unheard_for(MS * 10, now + MS * 10));
    }
}
