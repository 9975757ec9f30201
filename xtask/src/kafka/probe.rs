//! Does a broker answer, and does it see the whole cluster? One Metadata request, encoded here.
//!
//! This crate depends on none of the others, so the thirty bytes of Metadata version 1 are written by
//! hand; see <https://kafka.apache.org/protocol#The_Messages_Metadata>.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const TIME_LIMIT: Duration = Duration::from_secs(2);
/// No answer to what is asked here is longer: nine brokers, one topic.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Metadata, version 1, correlation id 7, client id "probe", an empty array of topics (= none).
const QUESTION: &[u8] =
    b"\x00\x00\x00\x13\x00\x03\x00\x01\x00\x00\x00\x07\x00\x05probe\x00\x00\x00\x00";

/// How many brokers the broker on port `port` of this machine knows to be alive.
pub(crate) fn brokers_seen(port: u16) -> Result<usize> {
    read_answer(&ask(([127, 0, 0, 1], port).into(), QUESTION, TIME_LIMIT)?)
}

/// Sends a request, its own length in front, and returns what is answered behind its length.
pub(crate) fn ask(address: SocketAddr, request: &[u8], limit: Duration) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(request)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    ensure!(
        (8..=LONGEST_ANSWER).contains(&length),
        "an answer of {length} bytes is not Kafka's"
    );
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// The number of brokers in an answer: it follows the correlation id.
fn read_answer(answer: &[u8]) -> Result<usize> {
    let (correlation, rest) = answer
        .split_first_chunk::<4>()
        .context("the answer is too short")?;
    ensure!(
        i32::from_be_bytes(*correlation) == 7,
        "the answer is not to our question"
    );
    let (count, _) = rest
        .split_first_chunk::<4>()
        .context("the answer is too short")?;
    usize::try_from(i32::from_be_bytes(*count)).context("the number of brokers is negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_states_its_own_length() {
        let (length, rest) = QUESTION.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, rest.len());
    }

    #[test]
    fn the_number_of_brokers_follows_the_correlation_id() {
        assert_eq!(read_answer(&[0, 0, 0, 7, 0, 0, 0, 3, 0, 0]).unwrap(), 3);
    }

    #[test]
    fn an_answer_that_is_not_ours_is_refused() {
        for answer in [
            &[0, 0, 0, 8, 0, 0, 0, 3][..],
            &[0, 0, 0, 7],
            &[0, 0, 0, 7, 255, 255, 255, 255],
        ] {
            assert!(read_answer(answer).is_err(), "{answer:?}");
        }
    }
}
