//! A token bucket per account, region and service: we slow down ourselves before AWS makes us.
//!
//! AWS's limits are per account and region and shared with everything else that runs there, so after a throttled answer
//! the rate halves, and it comes back over a minute. The bucket never refuses: it says how long to wait, first come
//! first served.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the rate needs to climb from nothing to its maximum.
const RECOVERY: Duration = Duration::from_mins(1);

/// The rate never falls below this part of the maximum: a scan must end some day.
const FLOOR: f64 = 1.0 / 64.0;

/// The bucket.
#[derive(Debug)]
pub(super) struct Limiter {
    /// Requests per second when all is well; also the most that may be sent at once.
    max_rate: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests per second now.
    rate: f64,
    /// Requests that may be sent at once; negative while some are waiting.
    tokens: f64,
    /// The moment for which `rate` and `tokens` hold.
    at: Instant,
    /// When the rate was last halved.
    halved_at: Option<Instant>,
}

impl Limiter {
    /// A full bucket.
    pub(super) fn new(max_per_second: u32, now: Instant) -> Self {
        let max_rate = f64::from(max_per_second.max(1));
        Self { max_rate, state: Mutex::new(State { rate: max_rate, tokens: max_rate, at: now, halved_at: None }) }
    }

    /// Takes a token; the caller waits for the time that this tells, then sends.
    pub(super) fn take(&self, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(now, self.max_rate);
        state.tokens -= 1.0;
        if state.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-state.tokens / state.rate) }
    }

    /// Halves the rate, because the request sent at `sent_at` was throttled.
    pub(super) fn slow_down(&self, sent_at: Instant, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests in flight when the rate was halved were sent at the old rate: they tell nothing new.
        if state.halved_at.is_some_and(|halved_at| sent_at <= halved_at) {
            return;
        }
        state.advance(now, self.max_rate);
        state.rate = (state.rate / 2.0).max(self.max_rate * FLOOR);
        state.tokens = state.tokens.min(0.0);
        state.halved_at = Some(now);
    }
}

impl State {
    fn advance(&mut self, now: Instant, max_rate: f64) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        let rate = (self.rate + max_rate * elapsed / RECOVERY.as_secs_f64()).min(max_rate);
        self.tokens = (self.tokens + f64::midpoint(self.rate, rate) * elapsed).min(rate.max(1.0));
        self.rate = rate;
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn drained(rate: u32, now: Instant) -> Limiter {
        let limiter = Limiter::new(rate, now);
        for _ in 0..rate {
            assert_eq!(limiter.take(now), Duration::ZERO);
        }
        limiter
    }

    #[test]
    fn a_full_bucket_lets_a_burst_through_and_then_keeps_the_rate() {
        let now = Instant::now();
        let limiter = drained(10, now);
        assert_eq!(limiter.take(now), Duration::from_millis(100));
        assert_eq!(limiter.take(now), Duration::from_millis(200));
        assert_eq!(limiter.take(now + SECOND), Duration::ZERO);
    }

    #[test]
    fn a_throttled_answer_halves_the_rate_and_empties_the_bucket() {
        let now = Instant::now();
        let limiter = Limiter::new(10, now);
        limiter.slow_down(now, now);
        assert_eq!(limiter.take(now), Duration::from_millis(200));
    }

    #[test]
    fn requests_sent_before_the_halving_do_not_halve_again() {
        let now = Instant::now();
        let limiter = Limiter::new(10, now);
        for _ in 0..32 {
            limiter.slow_down(now, now + SECOND);
        }
        assert_eq!(limiter.take(now + SECOND), Duration::from_millis(200));
    }

    #[test]
    fn the_rate_has_a_floor_and_recovers_within_a_minute() {
        let mut now = Instant::now();
        let limiter = Limiter::new(64, now);
        for _ in 0..40 {
            now += Duration::from_millis(1);
            limiter.slow_down(now, now);
        }
        let wait = limiter.take(now);
        assert!(wait > SECOND / 2 && wait <= SECOND, "{wait:?}");
        now += RECOVERY;
        let free = (0..80).filter(|_| limiter.take(now).is_zero()).count();
        assert_eq!(free, 64, "the full burst is back");
        assert_eq!(limiter.take(now), SECOND * 17 / 64, "and the full rate");
    }
}
