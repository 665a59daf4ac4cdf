//! Tokens of each training step.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Order of a corpus's windows for one seed. A window is `sequence_length` inputs and, one token
/// later, as many targets. The targets of windows do not overlap, and a run sees each window at
/// most once.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    order: Vec<u32>,
    sequence_length: usize,
    batch_sequences: usize,
}

impl BatchPlan {
    /// Shuffles the windows of a corpus of `tokens` tokens. Runs that share a seed and a sequence
    /// length see the same windows in the same order, for any model.
    pub fn new(tokens: usize, sequence_length: u32, batch_sequences: u32, seed: u64) -> Self {
        let sequence_length = sequence_length as usize;
        let windows = tokens.saturating_sub(1) / sequence_length;
        let mut order: Vec<u32> = (0..u32::try_from(windows).unwrap_or(u32::MAX)).collect();
        // A separate stream: initial weights use stream 0 of the same seed.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(1);
        // Fisher-Yates from the front, so that a prefix does not depend on how far it is read.
        for i in 0..order.len() {
            let j = rng.random_range(i as u64..order.len() as u64) as usize;
            order.swap(i, j);
        }
        Self {
            order,
            sequence_length,
            batch_sequences: batch_sequences as usize,
        }
    }

    /// Steps until the corpus is used up.
    pub fn steps_available(&self) -> u64 {
        (self.order.len() / self.batch_sequences) as u64
    }

    /// Positions of the first tokens of a step's windows. Steps count from 0.
    pub fn window_starts(&self, step: u64) -> impl Iterator<Item = usize> + '_ {
        let first = step as usize * self.batch_sequences;
        self.order[first..first + self.batch_sequences]
            .iter()
            .map(|window| *window as usize * self.sequence_length)
    }
}

/// Number of validation windows that are scored at once.
pub const EVALUATION_BATCH: usize = 16;

/// Positions of the first tokens of the validation windows. The windows are evenly spaced over the
/// text and cover `wanted` tokens, or all of it.
pub fn validation_windows(tokens: usize, sequence_length: u32, wanted: u64) -> Vec<usize> {
    let sequence_length = sequence_length as usize;
    let available = tokens.saturating_sub(1) / sequence_length;
    let count = available.min((wanted as usize).div_ceil(sequence_length).max(1));
    (0..count)
        .map(|i| i * available / count * sequence_length)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A run sees each window at most once, and every window is within the corpus.
        #[test]
        fn no_window_is_seen_twice(tokens in 2usize..20_000, t in 1u32..200, b in 1u32..9, seed: u64) {
            let plan = BatchPlan::new(tokens, t, b, seed);
            let mut seen = HashSet::new();
            for step in 0..plan.steps_available() {
                for start in plan.window_starts(step) {
                    prop_assert!(seen.insert(start));
                    prop_assert!(start + (t as usize) < tokens);
                }
            }
        }

        /// The order of tokens does not depend on the batch size: step s of batch b is windows
        /// s·b...
        #[test]
        fn order_does_not_depend_on_the_batch(seed: u64) {
            let one = BatchPlan::new(10_000, 16, 1, seed);
            let four = BatchPlan::new(10_000, 16, 4, seed);
            let by_one: Vec<_> = (0..40).flat_map(|s| one.window_starts(s).collect::<Vec<_>>()).collect();
            let by_four: Vec<_> = (0..10).flat_map(|s| four.window_starts(s).collect::<Vec<_>>()).collect();
            prop_assert_eq!(by_one, by_four);
        }

        #[test]
        fn validation_windows_never_overlap(tokens in 2usize..50_000, t in 1u32..200, wanted in 1u64..60_000) {
            let windows = validation_windows(tokens, t, wanted);
            prop_assert!(windows.windows(2).all(|w| w[1] >= w[0] + t as usize));
            prop_assert!(windows.iter().all(|s| s + (t as usize) < tokens));
        }
    }

    /// Pinned: the order of data is part of a spec's meaning. Raise SPEC_VERSION if it changes.
    #[test]
    fn order_is_stable() {
        let plan = BatchPlan::new(1000, 10, 4, 7);
        insta::assert_debug_snapshot!(plan.window_starts(0).collect::<Vec<_>>(), @"
        [
            980,
            10,
            710,
            530,
        ]
        ");
    }
}
