//! What a member says of itself, and what that is worth: which claim ends with which error.

use kafka_wire::ErrorCode;

/// What a member says of itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Claim<'a> {
    /// Or the epoch of a member (KIP-848).
    pub(in crate::cluster) generation: i32,
    pub(in crate::cluster) member_id: &'a str,
    pub(in crate::cluster) instance_id: Option<&'a str>,
}

/// How offsets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Commit {
    /// OffsetCommit.
    Plain,
    /// With a transaction: older clients say nothing of themselves.
    Transactional,
}

/// What a group knows about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) phase: Phase,
    pub(super) is_member: bool,
    pub(super) instance: Instance,
    pub(super) is_current: bool,
}

/// As far as offsets are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    /// Members wait for the leader's assignment.
    Completing,
    Other,
}

/// Who has the instance id of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instance {
    /// The claim has none.
    NotClaimed,
    Nobody,
    Another,
    ThisMember,
}

impl Claim<'_> {
    fn claims_nothing(&self) -> bool {
        self.generation < 0 && self.member_id.is_empty() && self.instance_id.is_none()
    }
}

/// Whether the claim is that of a member (`ClassicGroup.validateMember`).
pub(super) fn check_member(known: Known) -> Result<(), ErrorCode> {
    match (known.instance, known.is_member) {
        (Instance::Nobody, _) => Err(ErrorCode::UNKNOWN_MEMBER_ID),
        (Instance::Another, _) => Err(ErrorCode::FENCED_INSTANCE_ID),
        (_, false) => Err(ErrorCode::UNKNOWN_MEMBER_ID),
        (_, true) => Ok(()),
    }
}

/// The same, and of this generation.
pub(super) fn check_generation(known: Known) -> Result<(), ErrorCode> {
    check_member(known)?;
    match known.is_current {
        true => Ok(()),
        false => Err(ErrorCode::ILLEGAL_GENERATION),
    }
}

/// Whether it may commit offsets (`ClassicGroup.validateOffsetCommit`).
pub(super) fn check_commit(
    claim: Claim<'_>,
    known: Known,
    commit: Commit,
) -> Result<(), ErrorCode> {
    match (known.phase, commit) {
        // A consumer that chooses its partitions itself, or an administrator.
        (Phase::Empty, _) if claim.generation < 0 => return Ok(()),
        (_, Commit::Transactional) if claim.claims_nothing() => return Ok(()),
        (_, Commit::Plain) if claim.claims_nothing() => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
        _ => check_generation(known)?,
    }
    match (known.phase, commit) {
        (Phase::Completing, Commit::Plain) => Err(ErrorCode::REBALANCE_IN_PROGRESS),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ErrorCode = ErrorCode::NONE;
    const UNKNOWN: ErrorCode = ErrorCode::UNKNOWN_MEMBER_ID;
    const FENCED: ErrorCode = ErrorCode::FENCED_INSTANCE_ID;
    const ILLEGAL: ErrorCode = ErrorCode::ILLEGAL_GENERATION;
    const REBALANCE: ErrorCode = ErrorCode::REBALANCE_IN_PROGRESS;

    fn code(result: Result<(), ErrorCode>) -> ErrorCode {
        result.err().unwrap_or_default()
    }

    #[test]
    fn each_member_is_known_unknown_or_fenced() {
        use Instance::*;
        for (instance, is_member, is_current, of_member, of_generation) in [
            (NotClaimed, false, false, UNKNOWN, UNKNOWN),
            (NotClaimed, false, true, UNKNOWN, UNKNOWN),
            (NotClaimed, true, false, NONE, ILLEGAL),
            (NotClaimed, true, true, NONE, NONE),
            (Nobody, false, false, UNKNOWN, UNKNOWN),
            (Nobody, false, true, UNKNOWN, UNKNOWN),
            (Nobody, true, false, UNKNOWN, UNKNOWN),
            (Nobody, true, true, UNKNOWN, UNKNOWN),
            (Another, false, false, FENCED, FENCED),
            (Another, false, true, FENCED, FENCED),
            (Another, true, false, FENCED, FENCED),
            (Another, true, true, FENCED, FENCED),
            (ThisMember, true, false, NONE, ILLEGAL),
            (ThisMember, true, true, NONE, NONE),
        ] {
            let known = Known {
                phase: Phase::Other,
                is_member,
                instance,
                is_current,
            };
            assert_eq!(code(check_member(known)), of_member, "{known:?}");
            assert_eq!(code(check_generation(known)), of_generation, "{known:?}");
        }
    }

    #[test]
    fn who_commits_is_judged_by_what_it_says_and_how_it_commits() {
        use Phase::*;
        // The generation claimed, a member's id; then the codes of both ways to commit.
        for (phase, generation, member, plain, transactional) in [
            (Empty, -1, "", NONE, NONE),
            (Empty, -1, "m", NONE, NONE),
            (Empty, 7, "m", UNKNOWN, UNKNOWN),
            (Empty, 7, "", UNKNOWN, UNKNOWN),
            (Other, -1, "", UNKNOWN, NONE),
            (Other, -1, "m", ILLEGAL, ILLEGAL),
            (Other, 7, "m", NONE, NONE),
            (Other, 8, "m", ILLEGAL, ILLEGAL),
            (Other, 7, "x", UNKNOWN, UNKNOWN),
            (Completing, -1, "", UNKNOWN, NONE),
            (Completing, 7, "m", REBALANCE, NONE),
            (Completing, 8, "m", ILLEGAL, ILLEGAL),
        ] {
            let claim = Claim {
                generation,
                member_id: member,
                instance_id: None,
            };
            let known = Known {
                phase,
                is_member: member == "m" && phase != Empty,
                instance: Instance::NotClaimed,
                is_current: generation == 7,
            };
            let of = |commit| code(check_commit(claim, known, commit));
            assert_eq!(of(Commit::Plain), plain, "{claim:?} {phase:?}");
            assert_eq!(
                of(Commit::Transactional),
                transactional,
                "{claim:?} {phase:?}"
            );
        }
    }
}
