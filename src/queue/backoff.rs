//! How long to wait before the next attempt. Pure: chance is handed in.

use std::time::Duration;

use super::Policy;

/// The delay after the failed attempt number `attempt` (from 1): between nothing and base · 2^(attempt − 1), the cap at
/// most. `chance` in 0 ..= `u32::MAX` chooses within ("full jitter"), so that jobs that failed together do not come back
/// together.
pub(super) fn delay(policy: &Policy, attempt: i32, chance: u32) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(31);
    let longest = policy.backoff_base.saturating_mul(1 << doublings).min(policy.backoff_cap);
    let micros = longest.as_micros() * u128::from(chance) / u128::from(u32::MAX);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy =
        Policy { max_attempts: 9, backoff_base: Duration::from_secs(2), backoff_cap: Duration::from_mins(1) };

    #[test]
    fn the_longest_delay_doubles_up_to_the_cap() {
        let longest: Vec<u64> = (1..=7).map(|attempt| delay(&POLICY, attempt, u32::MAX).as_secs()).collect();
        assert_eq!(longest, [2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn chance_chooses_anything_between_nothing_and_the_longest() {
        assert_eq!(delay(&POLICY, 3, 0), Duration::ZERO);
        let half = delay(&POLICY, 3, u32::MAX / 2);
        assert!((Duration::from_millis(3999)..=Duration::from_secs(4)).contains(&half), "{half:?}");
    }

    #[test]
    fn no_attempt_number_overflows() {
        for attempt in [i32::MIN, -1, 0, 32, 1000, i32::MAX] {
            assert!(delay(&POLICY, attempt, u32::MAX) <= POLICY.backoff_cap);
        }
        let endless = Policy { max_attempts: 1, backoff_base: Duration::MAX, backoff_cap: Duration::MAX };
        assert!(delay(&endless, i32::MAX, u32::MAX) > Duration::from_hours(1));
    }
}
