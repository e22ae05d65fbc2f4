//! Thresholds, what a user's items must score more than, shared by the ranges of a table.

use std::sync::atomic::{AtomicU32, Ordering};

use super::keys::{ascending, descending};
use super::plan::Plan;

/// The threshold of each user that the ranges share; none where there is one range.
pub(super) fn shared_thresholds(plan: &Plan, users: usize) -> Vec<AtomicU32> {
    let thresholds = if plan.ranges > 1 { users } else { 0 };
    std::iter::repeat_with(|| AtomicU32::new(descending(f32::NEG_INFINITY))).take(thresholds).collect()
}

/// The higher of a range's threshold and the one that the ranges share.
///
/// How early a range learns of it depends on the threads, what is found does not: k items score at least the threshold, so one
/// that scores less is not among the k best. One that ties may have a smaller id than they, and must pass: what is shared is
/// the next number below.
pub(super) fn share(thresholds: &[AtomicU32], user: usize, own: f32) -> f32 {
    let Some(threshold) = thresholds.get(user) else { return own };
    let before = threshold.fetch_min(descending(own.next_down()), Ordering::Relaxed);
    own.max(ascending(before))
}
