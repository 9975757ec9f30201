//! Logins that are cut off or damaged, at every byte of every answer: nothing panics or hangs, and the next
//! connection is as good as ever.

use bytes::Bytes;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::security::{Sasl, ScramHash};

use super::{all, plain_login, scram, secured};
use crate::stage::{Stage, TOPIC, ms};
use crate::wires::{Map, What};

/// A login on the way to the first broker, of which so many answers came.
fn after(sasl: &Sasl, answers: usize) -> Option<(Stage, Bytes)> {
    let mut stage = Stage::bare(secured(sasl.clone()), Map::of(TOPIC, &[1]));
    stage.by_hand.extend([
        kafka_wire::ApiKey::SASL_HANDSHAKE,
        kafka_wire::ApiKey::SASL_AUTHENTICATE,
    ]);
    let _reply = stage.ask_topic(TOPIC);
    stage.tokens();
    for _ in 0..answers {
        let frame = next_answer(&mut stage)?;
        stage.respond(NodeId(-1), frame);
    }
    let frame = next_answer(&mut stage)?;
    Some((stage, frame))
}

/// What the broker says to the oldest request of a login.
fn next_answer(stage: &mut Stage) -> Option<Bytes> {
    let oldest = stage.connections.get(&NodeId(-1))?.front()?;
    match &oldest.what {
        What::Sasl(step) => Some(stage.sasl_port.answer(NodeId(-1), oldest, step)),
        _ => None,
    }
}

/// Whatever came before, the topic is known once brokers behave.
fn heals(mut stage: Stage) {
    stage.by_hand.clear();
    for _ in 0..3 {
        stage.tick();
        stage.tokens();
        stage.pass(ms(1300));
        stage.tokens();
    }
    let mut reply = stage.ask_topic(TOPIC);
    stage.tokens();
    stage.pass(ms(1500));
    stage.tokens();
    assert!(matches!(reply.try_recv(), Ok(Some(Ok(())))));
}

/// Gives the engine this instead of the answer.
fn received(stage: &mut Stage, frame: Bytes) {
    let unanswered = stage.connections.get_mut(&NodeId(-1)).unwrap();
    unanswered.pop_front();
    stage.input(Input::Received(NodeId(-1), frame));
}

#[test]
fn a_login_that_is_cut_off_anywhere_is_begun_anew() {
    for sasl in all() {
        for answers in 0..3 {
            let Some((stage, whole)) = after(&sasl, answers) else {
                continue;
            };
            drop(stage);
            // The answer is lost, and so is the connection.
            let (mut stage, _) = after(&sasl, answers).unwrap();
            stage.lose(-1);
            heals(stage);
            for length in 4..whole.len() {
                let (mut stage, _) = after(&sasl, answers).unwrap();
                received(&mut stage, whole.slice(..length));
                heals(stage);
            }
        }
    }
}

#[test]
fn an_answer_with_any_bit_turned_ends_a_login_at_worst() {
    for sasl in [plain_login(), scram(ScramHash::Sha256)] {
        for answers in 0..3 {
            let Some((_, whole)) = after(&sasl, answers) else {
                continue;
            };
            for bit in 0..whole.len() * 8 {
                // A number of iterations that is allowed takes its time; a bit in four is enough there.
                if answers == 1 && bit % 4 != 0 {
                    continue;
                }
                let (mut stage, _) = after(&sasl, answers).unwrap();
                let mut frame = whole.to_vec();
                frame[bit / 8] ^= 1 << (bit % 8);
                received(&mut stage, frame.into());
                stage.pass(ms(100));
            }
        }
    }
}
