//! What the whole cluster has agreed on (KIP-584): the finalized features, as brokers tell them
//! when they are greeted.

use kafka_wire::messages::ApiVersionsResponse;

use crate::engine::produce::verdict::TransactionVersion;

/// The newest that any broker has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// Grows with every change.
    epoch: i64,
    /// The level of `transaction.version`; 0 if it is not told.
    transaction_level: i16,
}

impl Features {
    pub(crate) const UNKNOWN: Self = Self {
        epoch: -1,
        transaction_level: 0,
    };

    /// Takes in what a broker says, unless another has told of something newer.
    pub(crate) fn apply(&mut self, answer: &ApiVersionsResponse) {
        if answer.finalized_features_epoch < self.epoch {
            return;
        }
        self.epoch = answer.finalized_features_epoch;
        let features = &answer.finalized_features;
        let level = features.iter().find(|f| f.name == "transaction.version");
        self.transaction_level = level.map_or(0, |feature| feature.max_version_level);
    }

    /// The protocol of transactions.
    pub(crate) fn transaction_version(self) -> TransactionVersion {
        match self.transaction_level {
            ..=1 => TransactionVersion::One,
            2.. => TransactionVersion::Two,
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_wire::messages::api_versions::FinalizedFeatureKey;

    use super::*;

    fn told(epoch: i64, level: i16) -> ApiVersionsResponse {
        ApiVersionsResponse::default()
            .with_finalized_features_epoch(epoch)
            .with_finalized_features(vec![
                FinalizedFeatureKey::default()
                    .with_name("transaction.version".to_owned())
                    .with_max_version_level(level)
                    .with_min_version_level(level),
            ])
    }

    #[test]
    fn a_broker_that_lags_behind_does_not_take_a_feature_back() {
        let mut features = Features::UNKNOWN;
        assert_eq!(features.transaction_version(), TransactionVersion::One);
        for (epoch, level, expected) in [
            (5, 1, TransactionVersion::One),
            (7, 2, TransactionVersion::Two),
            (6, 1, TransactionVersion::Two),
            (8, 0, TransactionVersion::One),
        ] {
            features.apply(&told(epoch, level));
            assert_eq!(features.transaction_version(), expected, "{epoch}");
        }
    }
}
