//! What a broker's answer about metrics means: a pure table, Kafka's own (KIP-714).

use kafka_wire::ErrorCode;

/// What is done after an answer to GetTelemetrySubscriptions or PushTelemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Done,
    /// What is wanted has changed, or was misunderstood: it is asked for again at once.
    AskNow,
    /// Not now: it is asked for again when the next push would be due.
    AskLater,
    /// It would be refused again: nothing is asked or pushed any more.
    Stop,
}

pub(super) fn verdict(code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::NONE => Verdict::Done,
        ErrorCode::UNKNOWN_SUBSCRIPTION_ID | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE => {
            Verdict::AskNow
        }
        ErrorCode::TELEMETRY_TOO_LARGE | ErrorCode::THROTTLING_QUOTA_EXCEEDED => Verdict::AskLater,
        _ => Verdict::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_codes_are_worth_another_question_and_all_others_are_final() {
        for number in i16::MIN..=i16::MAX {
            let expected = match number {
                0 => Verdict::Done,
                76 | 117 => Verdict::AskNow,
                89 | 118 => Verdict::AskLater,
                _ => Verdict::Stop,
            };
            assert_eq!(verdict(ErrorCode(number)), expected, "{number}");
        }
    }
}
