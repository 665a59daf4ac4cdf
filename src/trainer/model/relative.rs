//! Relative position bias of T5 (Raffel et al., arXiv:1910.10683, section 2.1): a number for each
//! head and bucket of distances, added to the attention scores.

use isoflop_core::arch::RELATIVE_BUCKETS;
use tch::{Device, Kind, Tensor};

/// End of the logarithmic scale. Bucket numbers are truncated, so the last bucket begins at 113.
const MAX_DISTANCE: f64 = 128.0;

/// Constants for one sequence length.
#[derive(Debug)]
pub(super) struct RelativePositions {
    buckets: Tensor, // [T], the bucket of each distance
    future: Tensor,  // [1, T], -inf
}

impl RelativePositions {
    pub(super) fn new(length: i64, device: Device) -> Self {
        let buckets: Vec<i64> = (0..length).map(bucket).collect();
        Self {
            buckets: Tensor::from_slice(&buckets).to_device(device),
            future: Tensor::full([1, length], f64::NEG_INFINITY, (Kind::Float, device)),
        }
    }

    /// Returns the bias of each distance, `[H, T]`.
    pub(super) fn by_distance(&self, table: &Tensor) -> Tensor {
        table.index_select(1, &self.buckets)
    }

    /// Returns the bias with the causal mask, `[H, T, T]`: at `[h, i, j]` the bias of distance
    /// i - j, or -inf if j > i.
    pub(super) fn bias(&self, table: &Tensor) -> Tensor {
        let (heads, t) = (table.size()[0], self.buckets.size()[0]);
        let by_distance = self.by_distance(table);
        // One row as a circle of 2T entries: distance 0, the T future entries, distances T-1 .. 1.
        let future = self.future.expand([heads, t], false);
        let row = Tensor::cat(
            &[
                &by_distance.narrow(1, 0, 1),
                &future,
                &by_distance.narrow(1, 1, t - 1).flip([1]),
            ],
            1,
        ); // [H, 2T]
        // T copies of a row of 2T, viewed as rows of 2T - 1: each row is the one above shifted by
        // one to the right, so [i, j] has entry (j - i) mod 2T (the "relative shift" of
        // arXiv:1901.02860, appendix B).
        let copies = row
            .unsqueeze(1)
            .expand([heads, t, 2 * t], false)
            .reshape([heads, 2 * t * t]);
        copies
            .narrow(1, 0, t * (2 * t - 1))
            .view([heads, t, 2 * t - 1])
            .narrow(2, 0, t) // [H, T, T]
    }
}

/// Returns the bucket of a distance, as T5's `relative_position_bucket` for a causal model: half
/// the buckets are exact distances, the other half grows logarithmically up to [`MAX_DISTANCE`].
fn bucket(distance: i64) -> i64 {
    let buckets = i64::from(RELATIVE_BUCKETS);
    let exact = buckets / 2;
    if distance < exact {
        return distance;
    }
    let log_ratio = (distance as f64 / exact as f64).ln() / (MAX_DISTANCE / exact as f64).ln();
    (exact + (log_ratio * (buckets - exact) as f64) as i64).min(buckets - 1)
}
