//! Parameters of a model in one flat vector. The optimizer, gradient clipping and checkpoints then
//! need a few operations on one tensor instead of loops over many.

use std::collections::HashMap;

use isoflop_core::run::Precision;
use isoflop_core::units::ParamCount;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tch::{Device, Kind, Tensor};

/// A named tensor within the flat vector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TensorSlot {
    pub(crate) name: String,
    pub(crate) dims: Vec<i64>,
    pub(crate) init: TensorInit,
    pub(crate) role: TensorRole,
}

/// Role of a tensor for the optimizer, in the order of the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TensorRole {
    /// A matrix between hidden layers. Decays, and Muon updates it.
    Hidden,
    /// A matrix with a row for each token: the embedding or an output head. Whether it decays is a
    /// setting of the optimizer.
    Embedding,
    /// Norms, biases, taps and positions. Never decays.
    Exempt,
}

impl TensorSlot {
    fn new(name: &str, dims: &[i64], init: TensorInit, role: TensorRole) -> Self {
        Self {
            name: name.to_owned(),
            dims: dims.to_vec(),
            init,
            role,
        }
    }

    pub(crate) fn matrix(name: &str, dims: &[i64], init: TensorInit) -> Self {
        Self::new(name, dims, init, TensorRole::Hidden)
    }

    /// Declares a matrix with a row for each token.
    pub(crate) fn embedding(name: &str, dims: &[i64], init: TensorInit) -> Self {
        Self::new(name, dims, init, TensorRole::Embedding)
    }

    /// Declares a tensor that is exempt from weight decay: a norm, bias, taps or positions.
    pub(crate) fn exempt(name: &str, dims: &[i64], init: TensorInit) -> Self {
        Self::new(name, dims, init, TensorRole::Exempt)
    }

    pub(crate) fn len(&self) -> i64 {
        self.dims.iter().product()
    }
}

/// A matrix or other tensor of the flat vector, as papers define it. The matrices of Q, K and V
/// share one tensor, but are three blocks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MatrixBlock {
    /// Index of its first number in the flat vector.
    pub(crate) start: i64,
    pub(crate) dims: Vec<i64>,
    pub(crate) role: TensorRole,
}

impl MatrixBlock {
    /// Returns the block's part of a vector as long as the flat one.
    pub(crate) fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.start, self.dims.iter().product())
            .view(self.dims.as_slice())
    }
}

impl TensorSlot {
    fn blocks(&self, start: i64) -> Vec<MatrixBlock> {
        let block = |start, dims| MatrixBlock {
            start,
            dims,
            role: self.role,
        };
        let (TensorRole::Hidden, TensorInit::Parts(parts), [_, columns]) =
            (self.role, &self.init, self.dims.as_slice())
        else {
            return vec![block(start, self.dims.clone())];
        };
        let starts = parts.iter().scan(start, |next, (len, _)| {
            Some(std::mem::replace(next, *next + len))
        });
        starts
            .zip(parts)
            .map(|(start, (len, _))| block(start, vec![len / columns, *columns]))
            .collect()
    }
}

/// Initial values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TensorInit {
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Normal, with values beyond two standard deviations redrawn. The standard deviation becomes
    /// 0.88 times this one.
    TruncatedNormal(f64),
    /// Uniform between this bound and its negative.
    Uniform(f64),
    /// Consecutive parts along the first axis, with the number of values in each.
    Parts(Vec<(i64, TensorInit)>),
}

/// Parameters of a model, in the order of their roles.
#[derive(Debug)]
pub(crate) struct ModelParameters {
    /// All parameters, `[P]`, with gradient.
    pub(crate) flat: Tensor,
    slots: Vec<TensorSlot>,
}

impl ModelParameters {
    /// Draws the initial weights for a seed. They have the same bits on every machine. A tensor of
    /// the same name and size is the same in every architecture, so that arms with one seed start
    /// from common weights.
    pub(crate) fn initial(mut slots: Vec<TensorSlot>, seed: u64, device: Device) -> Self {
        slots.sort_by_key(|slot| slot.role);
        let own: i64 = slots.iter().map(TensorSlot::len).sum();
        let mut values = Vec::new();
        // A failed allocation of a growing vector would abort the process. A panic becomes a
        // failure with a message.
        assert!(
            values.try_reserve_exact(own as usize).is_ok(),
            "can't allocate memory for {own} initial weights"
        );
        for slot in &slots {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream_number(&slot.name));
            draw(&slot.init, slot.len() as usize, &mut rng, &mut values);
        }
        let flat = Tensor::from_slice(&values)
            .to_device(device)
            .set_requires_grad(true);
        Self { flat, slots }
    }

    /// Returns views of the tensors by name. Backward collects their gradients in the flat vector
    /// by one concatenation.
    pub(crate) fn views(&self, precision: Precision) -> TensorViews<'_> {
        let sizes: Vec<i64> = self.slots.iter().map(TensorSlot::len).collect();
        let parts = self.flat.split_with_sizes(sizes, 0);
        let named = self.slots.iter().zip(parts);
        TensorViews {
            tensors: named
                .map(|(slot, part)| (slot.name.as_str(), part.view(slot.dims.as_slice())))
                .collect(),
            products: format_of(precision),
        }
    }

    /// Returns the number of parameters.
    pub(crate) fn count(&self) -> ParamCount {
        ParamCount(self.slots.iter().map(TensorSlot::len).sum::<i64>() as u64)
    }

    /// Returns the number of parameters of roles up to this one, which are the first of the flat
    /// vector.
    pub(crate) fn len_up_to(&self, role: TensorRole) -> i64 {
        self.slots
            .iter()
            .filter(|slot| slot.role <= role)
            .map(TensorSlot::len)
            .sum()
    }

    /// Returns the blocks, in the order of the flat vector.
    pub(crate) fn blocks(&self) -> Vec<MatrixBlock> {
        let starts = self.slots.iter().scan(0, |next, slot| {
            Some(std::mem::replace(next, *next + slot.len()))
        });
        starts
            .zip(&self.slots)
            .flat_map(|(start, slot)| slot.blocks(start))
            .collect()
    }

    pub(crate) fn slots(&self) -> &[TensorSlot] {
        &self.slots
    }

    /// Sets the values of one tensor.
    pub(crate) fn set(&self, name: &str, value: &Tensor) {
        let mut own = self.value(name);
        assert_eq!(value.size(), own.size(), "{name}");
        tch::no_grad(|| own.copy_(value));
    }

    /// Returns the gradient of one tensor.
    pub(crate) fn gradient(&self, name: &str) -> Tensor {
        self.value_in(&self.flat.grad(), name)
    }

    /// Returns one tensor, as a view without gradient.
    pub(crate) fn value(&self, name: &str) -> Tensor {
        self.value_in(&self.flat.detach(), name)
    }

    /// Returns the tensor's part of a vector as long as the flat one.
    pub(crate) fn value_in(&self, flat: &Tensor, name: &str) -> Tensor {
        let before = self.slots.iter().take_while(|slot| slot.name != name);
        let start = before.clone().map(TensorSlot::len).sum();
        let slot = &self.slots[before.count()];
        flat.narrow(0, start, slot.len()).view(slot.dims.as_slice())
    }
}

/// Returns the number format of the factors of matrix products.
pub(crate) fn format_of(precision: Precision) -> Kind {
    match precision {
        Precision::Float32 => Kind::Float,
        Precision::Bfloat16 => Kind::BFloat16,
    }
}

/// Tensors by name, for one forward pass.
#[derive(Debug)]
pub(crate) struct TensorViews<'a> {
    tensors: HashMap<&'a str, Tensor>,
    products: Kind,
}

impl TensorViews<'_> {
    /// Returns the number format of matrix products.
    pub(crate) fn products(&self) -> Kind {
        self.products
    }

    /// Returns a tensor in the format of matrix products.
    pub(crate) fn matrix(&self, name: &str) -> Tensor {
        self.get(name).to_kind(self.products)
    }

    /// Returns a tensor in float32.
    ///
    /// # Panics
    /// If the tensor does not exist, which is a bug: the model and its slots disagree.
    pub(crate) fn get(&self, name: &str) -> Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the model has no tensor `{name}`"))
            .shallow_clone()
    }
}

/// Returns the random stream of a tensor. It is never stream 1, which orders the data.
fn stream_number(name: &str) -> u64 {
    let digest = blake3::hash(name.as_bytes());
    u64::from_le_bytes(
        digest.as_bytes()[..8]
            .try_into()
            .expect("a digest has 32 bytes"),
    ) | 2
}

fn draw(init: &TensorInit, len: usize, rng: &mut ChaCha8Rng, out: &mut Vec<f32>) {
    match init {
        TensorInit::Constant(value) => out.extend(std::iter::repeat_n(*value as f32, len)),
        TensorInit::Normal(std) => out.extend((0..len).map(|_| (std * normal(rng)) as f32)),
        TensorInit::TruncatedNormal(std) => {
            out.extend((0..len).map(|_| (std * truncated(rng)) as f32));
        }
        TensorInit::Uniform(bound) => {
            out.extend((0..len).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32));
        }
        TensorInit::Parts(parts) => parts
            .iter()
            .for_each(|(len, part)| draw(part, *len as usize, rng, out)),
    }
}

/// Draws a normal number by Box and Muller (1958). In pure Rust, so that the bits do not depend on
/// the system's libm.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let u: f64 = 1.0 - rng.random::<f64>();
    let v: f64 = rng.random();
    libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
}

fn truncated(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let value = normal(rng);
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use isoflop_core::arch::{Architecture, ModelConfig, PRESETS, PRIMER_EZ, TRANSFORMER};
    use isoflop_core::run::Precision;

    use super::*;
    use crate::model::LanguageModel;

    fn initial(architecture: &Architecture, seed: u64) -> ModelParameters {
        let config = ModelConfig::new(architecture, &"d32-l2".parse().unwrap(), 256, 64).unwrap();
        ModelParameters::initial(LanguageModel::slots(&config), seed, Device::Cpu)
    }

    fn values(architecture: &Architecture, seed: u64, name: &str) -> Vec<f32> {
        Vec::try_from(
            initial(architecture, seed)
                .views(Precision::Float32)
                .get(name)
                .reshape([-1]),
        )
        .unwrap()
    }

    /// Pins the initial weights of every preset on every machine. Raise SPEC_VERSION if they
    /// change.
    #[test]
    fn a_seed_means_the_same_bits() {
        let digest = |architecture| {
            let values: Vec<f32> = Vec::try_from(initial(architecture, 1).flat.detach()).unwrap();
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            blake3::hash(&bytes).to_hex()[..16].to_owned()
        };
        let digests: Vec<String> = PRESETS
            .iter()
            .map(|preset| format!("{} {}", digest(&preset.architecture), preset.name))
            .collect();
        insta::assert_snapshot!(digests.join("\n"));
        let bits: Vec<u32> = values(&PRIMER_EZ, 1, "embedding")[..3]
            .iter()
            .map(|v| v.to_bits())
            .collect();
        assert_eq!(bits, [1_059_680_872, 3_213_522_683, 3_214_395_926]);
    }

    #[test]
    fn arms_start_from_common_weights() {
        let name = "layers.1.ffn.in.weight";
        assert_eq!(values(&TRANSFORMER, 3, name), values(&PRIMER_EZ, 3, name));
        assert_ne!(values(&TRANSFORMER, 3, name), values(&TRANSFORMER, 4, name));
    }

    /// Standard deviations are those of the released code (arXiv:2109.08668).
    #[test]
    fn initial_spreads_are_the_papers() {
        /// Standard deviation of a standard normal that is truncated at two standard deviations.
        const CUT: f64 = 0.879_6;
        let (d, d_head) = (32.0f64, 16.0f64);
        let spread = |values: &[f32]| {
            (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        };
        let qkv = values(&PRIMER_EZ, 1, "layers.0.attention.qkv");
        let thirds: Vec<&[f32]> = qkv.chunks(qkv.len() / 3).collect();
        for (what, values, std) in [
            (
                "embedding",
                values(&PRIMER_EZ, 1, "embedding").as_slice(),
                1.0,
            ),
            ("q", thirds[0], (d * d_head).powf(-0.5)),
            ("k", thirds[1], d.powf(-0.5)),
            ("v", thirds[2], d.powf(-0.5)),
            (
                "ffn in",
                values(&PRIMER_EZ, 1, "layers.0.ffn.in.weight").as_slice(),
                CUT * d.powf(-0.5),
            ),
            (
                "ffn out",
                values(&PRIMER_EZ, 1, "layers.0.ffn.out.weight").as_slice(),
                CUT * (4.0 * d).powf(-0.5),
            ),
        ] {
            assert!(
                (spread(values) / std - 1.0).abs() < 0.08,
                "{what}: {} against {std}",
                spread(values)
            );
        }
        // Glorot's uniform: the extremes of 64 values for two heads are close to the bound.
        let bound = (6.0f64 / (2.0 + 32.0)).sqrt();
        let most = values(&PRIMER_EZ, 1, "relative_bias")
            .iter()
            .fold(0.0f64, |most, v| most.max(f64::from(v.abs())));
        assert!(
            (0.9 * bound..=bound).contains(&most),
            "{most} against {bound}"
        );
        let taps = values(&PRIMER_EZ, 1, "layers.0.attention.conv");
        assert!(
            taps[..96].iter().all(|w| *w == 0.5) && taps[96..].iter().all(|w| *w == 0.5f32 / 3.0)
        );
    }
}
