//! The randomness of an engine, all of which comes from outside.

use std::fmt;

/// What an engine's random choices are made of. The same seed gives the same choices.
///
/// ```
/// use kafka_producer::engine::Seed;
///
/// let seed = Seed::for_tests(42);
/// assert!(!format!("{seed:?}").contains("secret"));
/// ```
#[derive(Clone, Copy)]
pub struct Seed {
    /// For pauses and the like: another one for each producer.
    pub chance: u64,
    /// For what nobody may guess (nonces): from the system's source of secrets.
    pub secret: [u8; 32],
}

impl Seed {
    /// One whose secret is known.
    ///
    /// ```
    /// assert_eq!(kafka_producer::engine::Seed::for_tests(42).chance, 42);
    /// ```
    pub fn for_tests(chance: u64) -> Self {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&chance.to_be_bytes());
        Self { chance, secret }
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed")
            .field("chance", &self.chance)
            .finish_non_exhaustive()
    }
}
