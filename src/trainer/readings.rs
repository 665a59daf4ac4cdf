//! Readings of every step: loss, gradient norm and update norm.

use std::ops::Range;

use isoflop_core::run::RunEnding;
use tch::{Device, Kind, Tensor};

use crate::failure::TrainerFailure;

/// Steps between reads. Each read waits for the device, so readings are copied in groups.
pub(crate) const READ_EVERY: u64 = 8;

/// Factor of ln(vocabulary), the loss of a uniform guess, above which a mean loss has exploded.
const EXPLOSION_FACTOR: f64 = 3.0;

/// Number of steps before a spike, from which the mean and standard deviation are computed.
const SPIKE_WINDOW: usize = 64;
/// Standard deviations by which the loss of a spike exceeds the mean.
const SPIKE_DEVIATIONS: f64 = 5.0;

/// Loss of one step, gradient norm before clipping, and norm of the parameters' change.
type Reading = [f32; 3];

/// Readings of all steps, including those of earlier attempts and of a trunk, so that the results
/// of a run do not depend on interruptions.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    read: Vec<Reading>,
    pending: Vec<Tensor>, // each [3], on the device
}

impl Readings {
    /// Restores the readings from a checkpoint, `[steps, 3]`.
    pub(crate) fn restored(tensor: &Tensor) -> Result<Self, TrainerFailure> {
        let flat: Vec<f32> = Vec::try_from(tensor.reshape([-1]))?;
        Ok(Self {
            read: flat.as_chunks().0.to_vec(),
            pending: Vec::new(),
        })
    }

    /// Returns the readings as a tensor for a checkpoint, `[steps, 3]`.
    pub(crate) fn tensor(&mut self) -> Tensor {
        self.read();
        Tensor::from_slice(self.read.as_flattened()).reshape([-1, 3])
    }

    /// Adds the loss `[]` and the norms `[2]` of a step.
    pub(crate) fn push(&mut self, loss: &Tensor, norms: &Tensor) {
        self.pending
            .push(Tensor::cat(&[&loss.reshape([1]), norms], 0));
    }

    /// Copies the pending readings from the device.
    pub(crate) fn read(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let rows = Tensor::stack(&self.pending, 0)
            .to_kind(Kind::Float)
            .to_device(Device::Cpu)
            .contiguous(); // [n, 3]
        let mut flat = vec![0.0f32; rows.numel()];
        let len = flat.len();
        rows.copy_data(&mut flat, len);
        self.read.extend_from_slice(flat.as_chunks().0);
        self.pending.clear();
    }

    /// Returns the loss of the last step that was read.
    pub(crate) fn latest_loss(&self) -> Option<f64> {
        self.read.last().map(|reading| f64::from(reading[0]))
    }

    /// Returns the ending if the loss is not finite or has exploded. Call [`Self::read`] first.
    pub(crate) fn diverged(&self, step: u64, vocabulary: u32) -> Option<RunEnding> {
        let first = self.read.len().saturating_sub(READ_EVERY as usize);
        let mean = mean(&self.read[first..], 0)?;
        let sane = mean.is_finite() && mean <= EXPLOSION_FACTOR * f64::from(vocabulary).ln();
        (!sane).then_some(RunEnding::Diverged {
            step,
            loss: mean.is_finite().then_some(mean),
        })
    }

    /// Returns the mean loss (nats/token), gradient norm and update norm of steps.
    pub(crate) fn means(&self, steps: Range<u64>) -> Option<[f64; 3]> {
        let of = &self.read[steps.start as usize..steps.end as usize];
        Some([mean(of, 0)?, mean(of, 1)?, mean(of, 2)?])
    }

    /// Counts the steps whose loss is a spike.
    pub(crate) fn loss_spikes(&self) -> u64 {
        let losses: Vec<f64> = self
            .read
            .iter()
            .map(|reading| f64::from(reading[0]))
            .collect();
        losses
            .windows(SPIKE_WINDOW + 1)
            .filter(|window| is_spike(window))
            .count() as u64
    }
}

/// Reports whether the last of these losses is a spike above the others.
fn is_spike(window: &[f64]) -> bool {
    let [before @ .., last] = window else {
        return false;
    };
    let n = before.len() as f64;
    let mean = before.iter().sum::<f64>() / n;
    let variance = before.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (n - 1.0);
    *last > mean + SPIKE_DEVIATIONS * variance.sqrt()
}

fn mean(readings: &[Reading], column: usize) -> Option<f64> {
    let sum: f64 = readings
        .iter()
        .map(|reading| f64::from(reading[column]))
        .sum();
    (!readings.is_empty()).then(|| sum / readings.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(losses: impl IntoIterator<Item = f32>) -> Readings {
        Readings {
            read: losses.into_iter().map(|loss| [loss, 1.0, 0.1]).collect(),
            pending: Vec::new(),
        }
    }

    #[test]
    fn what_is_pushed_is_read_and_survives_a_checkpoint() {
        let mut readings = Readings::default();
        for step in 0..11 {
            let loss = Tensor::from(5.0 - f64::from(step) / 10.0).to_kind(Kind::Float);
            readings.push(&loss, &Tensor::from_slice(&[2.0f32, f32::NAN]));
        }
        let tensor = readings.tensor();
        let restored = Readings::restored(&tensor).unwrap();
        assert_eq!(restored.read.len(), 11);
        let loss = |readings: &Readings| readings.means(0..11).unwrap()[0];
        assert_eq!(loss(&restored), loss(&readings));
        let [_, gradient, update] = restored.means(3..5).unwrap();
        assert_eq!(gradient, 2.0);
        assert!(update.is_nan());
        assert_eq!(restored.means(4..4), None);
    }

    /// A single high loss is a spike. A falling loss, noise and a permanently higher level are not.
    #[test]
    fn spikes_are_counted() {
        let noisy = |step: usize| 5.0 - step as f32 / 100.0 + [0.02, -0.03, 0.01, -0.01][step % 4];
        assert_eq!(readings((0..300).map(noisy)).loss_spikes(), 0);
        let risen = (0..300).map(|step| noisy(step) + if step >= 200 { 3.0 } else { 0.0 });
        assert!(
            (1..5).contains(&readings(risen).loss_spikes()),
            "spikes end when the window contains the new level"
        );
        let apart =
            (0..300).map(|step| noisy(step) + if step == 100 || step == 250 { 3.0 } else { 0.0 });
        assert_eq!(readings(apart).loss_spikes(), 2);
    }

    #[test]
    fn divergence_is_seen() {
        assert_eq!(readings([5.0; 20]).diverged(20, 256), None);
        assert_eq!(readings([]).diverged(0, 256), None);
        assert!(matches!(
            readings([f32::NAN]).diverged(1, 256),
            Some(RunEnding::Diverged {
                step: 1,
                loss: None
            })
        ));
        assert!(matches!(
            readings([20.0; 8]).diverged(8, 256),
            Some(RunEnding::Diverged { loss: Some(_), .. })
        ));
    }
}
