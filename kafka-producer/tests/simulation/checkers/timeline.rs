//! The timeline of a record that failed names exactly the attempts that the engine made: how many, to whom, in
//! which order, and when. What it says a broker has refused has come to that broker.

use kafka_producer::error::{Attempt, AttemptEnd, DeliveryError, TimelineEvent};

use super::Facts;
use crate::attempts::{Came, Made};
use crate::ledger::Told;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let attempts = facts.attempts;
    for (id, entry) in facts.ledger.records() {
        let Some(Told::Failed(error)) = facts.told.get(&id) else {
            continue;
        };
        let made = attempts.of(&entry.completion, entry.index);
        if let Err(why) = compare(error, &made) {
            let timeline = error.timeline();
            return Err(format!(
                "record {id}: {why}; it is told\n{timeline}\nand was {made:#?}"
            ));
        }
    }
    Ok(())
}

fn compare(error: &DeliveryError, made: &[Made]) -> Result<(), String> {
    let timeline = error.timeline();
    let told: Vec<&Attempt> = timeline.attempts().collect();
    let left_out = timeline.events().iter().find_map(|event| match event {
        TimelineEvent::LeftOut { attempts, .. } => Some(*attempts as usize),
        _ => None,
    });
    let (count, left_out) = (made.len(), left_out.unwrap_or_default());
    if told.len() + left_out != count {
        return Err(format!("there were {count} attempts"));
    }
    let kept = (1..).zip(made);
    let kept = kept.filter(|(number, _)| *number <= 4 || *number + 12 > count);
    let kept: Vec<(usize, &Made)> = match left_out {
        0 => (1..).zip(made).collect(),
        _ => kept.collect(),
    };
    for (attempt, &(number, made)) in told.iter().zip(&kept) {
        let first = (told[0].sent, kept[0].1.at);
        if attempt.number as usize != number || attempt.broker != made.node.0 {
            return Err(format!("another attempt was number {number}: {attempt:?}"));
        }
        if attempt.sent.checked_sub(first.0) != Some(made.at - first.1) {
            return Err(format!("number {number} was made at another time"));
        }
        if matches!(attempt.end, AttemptEnd::Refused { .. }) && made.came == Came::No {
            return Err(format!("number {number} did not come to its broker"));
        }
    }
    match told.windows(2).all(|pair| pair[0].sent <= pair[1].sent) {
        true => Ok(()),
        false => Err("its times are out of order".to_owned()),
    }
}
