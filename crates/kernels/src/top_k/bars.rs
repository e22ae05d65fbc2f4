//! What a user's items must score more than, shared by the ranges of a table.

use std::sync::atomic::{AtomicU32, Ordering};

use super::keys::{ascending, descending};
use super::plan::Plan;

/// The bar of each user that the ranges share; none where there is one range.
pub(super) fn shared_bars(plan: &Plan, users: usize) -> Vec<AtomicU32> {
    let bars = if plan.ranges > 1 { users } else { 0 };
    std::iter::repeat_with(|| AtomicU32::new(descending(f32::NEG_INFINITY))).take(bars).collect()
}

/// The higher of a range's bar and the one that the ranges share.
///
/// How early a range learns of it depends on the threads, what is found does not: k items score at least the bar, so one that
/// scores less is not among the k best. One that ties may have a smaller id than they, and must pass: what is shared is the
/// next number below.
pub(super) fn share(bars: &[AtomicU32], user: usize, own: f32) -> f32 {
    let Some(bar) = bars.get(user) else { return own };
    let before = bar.fetch_min(descending(own.next_down()), Ordering::Relaxed);
    own.max(ascending(before))
}
