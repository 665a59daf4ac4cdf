//! All parameters as one flat vector, so that the optimizer, the clipping and a
//! checkpoint are a handful of operations on one tensor instead of a loop over many.

use std::collections::HashMap;

use isoflop_core::run::Precision;
use isoflop_core::units::ParamCount;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tch::{Device, Kind, Tensor};

/// One named tensor within the flat vector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) dims: Vec<i64>,
    pub(crate) init: Init,
    pub(crate) role: Role,
}

/// What a tensor is to the optimizer. The order is that of the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A matrix between hidden layers: decays, and is Muon's.
    Hidden,
    /// A row for each token, of the embedding or of an output head: decays by choice.
    Embedding,
    /// Norms, biases, taps, positions: never decays.
    Exempt,
}

impl Slot {
    fn new(name: &str, dims: &[i64], init: Init, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            dims: dims.to_vec(),
            init,
            role,
        }
    }

    pub(crate) fn matrix(name: &str, dims: &[i64], init: Init) -> Self {
        Self::new(name, dims, init, Role::Hidden)
    }

    /// A matrix with a row for each token.
    pub(crate) fn embedding(name: &str, dims: &[i64], init: Init) -> Self {
        Self::new(name, dims, init, Role::Embedding)
    }

    /// Exempt from weight decay: norms, biases, taps, positions.
    pub(crate) fn exempt(name: &str, dims: &[i64], init: Init) -> Self {
        Self::new(name, dims, init, Role::Exempt)
    }

    pub(crate) fn len(&self) -> i64 {
        self.dims.iter().product()
    }
}

/// A matrix, or other tensor, of the flat vector as the papers count them: Q's, K's and V's lie in one tensor and are three.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// Place of its first number.
    pub(crate) start: i64,
    pub(crate) dims: Vec<i64>,
    pub(crate) role: Role,
}

impl Block {
    /// Its part of a vector as long as the flat one.
    pub(crate) fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.start, self.dims.iter().product())
            .view(self.dims.as_slice())
    }
}

impl Slot {
    fn blocks(&self, start: i64) -> Vec<Block> {
        let block = |start, dims| Block {
            start,
            dims,
            role: self.role,
        };
        let (Role::Hidden, Init::Parts(parts), [_, columns]) =
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

/// How a tensor starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Init {
    Constant(f64),
    /// Mean 0, this standard deviation.
    Normal(f64),
    /// The same, drawn again beyond two standard deviations (0.88 of them is left).
    TruncatedNormal(f64),
    /// Between this bound and its negative.
    Uniform(f64),
    /// Parts one after the other along the first axis, as many values in each.
    Parts(Vec<(i64, Init)>),
}

/// The parameters of a model, in the order of their roles.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// `[P]`, requires grad.
    pub(crate) flat: Tensor,
    slots: Vec<Slot>,
}

impl Parameters {
    /// Initial weights for a seed: bit for bit the same on any machine, and the same for a tensor of
    /// one name and size in every architecture, so that arms with one seed start from common weights.
    pub(crate) fn initial(mut slots: Vec<Slot>, seed: u64, device: Device) -> Self {
        slots.sort_by_key(|slot| slot.role);
        let own: i64 = slots.iter().map(Slot::len).sum();
        let mut values = Vec::new();
        // Without memory a growing vector aborts the process; a panic is a failure with a name.
        assert!(
            values.try_reserve_exact(own as usize).is_ok(),
            "can't allocate memory for {own} initial weights"
        );
        for slot in &slots {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream(&slot.name));
            draw(&slot.init, slot.len() as usize, &mut rng, &mut values);
        }
        let flat = Tensor::from_slice(&values)
            .to_device(device)
            .set_requires_grad(true);
        Self { flat, slots }
    }

    /// The tensors by name, as views: gradients arrive in the flat vector by one concatenation.
    pub(crate) fn views(&self, precision: Precision) -> Views<'_> {
        let sizes: Vec<i64> = self.slots.iter().map(Slot::len).collect();
        let parts = self.flat.split_with_sizes(sizes, 0);
        let named = self.slots.iter().zip(parts);
        Views {
            tensors: named
                .map(|(slot, part)| (slot.name.as_str(), part.view(slot.dims.as_slice())))
                .collect(),
            products: format_of(precision),
        }
    }

    /// Number of parameters.
    pub(crate) fn count(&self) -> ParamCount {
        ParamCount(self.slots.iter().map(Slot::len).sum::<i64>() as u64)
    }

    /// How many of the flat vector's first numbers are of roles up to this one.
    pub(crate) fn len_up_to(&self, role: Role) -> i64 {
        self.slots
            .iter()
            .filter(|slot| slot.role <= role)
            .map(Slot::len)
            .sum()
    }

    /// The blocks, in the order of the flat vector.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let starts = self.slots.iter().scan(0, |next, slot| {
            Some(std::mem::replace(next, *next + slot.len()))
        });
        starts
            .zip(&self.slots)
            .flat_map(|(start, slot)| slot.blocks(start))
            .collect()
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Writes one tensor.
    pub(crate) fn set(&self, name: &str, value: &Tensor) {
        let mut own = self.value(name);
        assert_eq!(value.size(), own.size(), "{name}");
        tch::no_grad(|| own.copy_(value));
    }

    /// The gradient of one tensor.
    pub(crate) fn gradient(&self, name: &str) -> Tensor {
        self.value_in(&self.flat.grad(), name)
    }

    /// One tensor, as a view without its history.
    pub(crate) fn value(&self, name: &str) -> Tensor {
        self.value_in(&self.flat.detach(), name)
    }

    /// The tensor's part of a vector as long as the flat one.
    pub(crate) fn value_in(&self, flat: &Tensor, name: &str) -> Tensor {
        let before = self.slots.iter().take_while(|slot| slot.name != name);
        let start = before.clone().map(Slot::len).sum();
        let slot = &self.slots[before.count()];
        flat.narrow(0, start, slot.len()).view(slot.dims.as_slice())
    }
}

/// The format of matrix products' factors.
pub(crate) fn format_of(precision: Precision) -> Kind {
    match precision {
        Precision::Float32 => Kind::Float,
        Precision::Bfloat16 => Kind::BFloat16,
    }
}

/// Tensors by name, for one forward pass.
#[derive(Debug)]
pub(crate) struct Views<'a> {
    tensors: HashMap<&'a str, Tensor>,
    products: Kind,
}

impl Views<'_> {
    /// The number format of matrix products.
    pub(crate) fn products(&self) -> Kind {
        self.products
    }

    /// A tensor as a factor of matrix products, in their format.
    pub(crate) fn matrix(&self, name: &str) -> Tensor {
        self.get(name).to_kind(self.products)
    }

    /// A tensor as it is, float32.
    ///
    /// # Panics
    /// When there is no such tensor: the model and its slots disagree, a bug.
    pub(crate) fn get(&self, name: &str) -> Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the model has no tensor `{name}`"))
            .shallow_clone()
    }
}

/// A random stream of its own for each tensor. Stream 1 is the data's order, which no name gives.
fn stream(name: &str) -> u64 {
    let digest = blake3::hash(name.as_bytes());
    u64::from_le_bytes(
        digest.as_bytes()[..8]
            .try_into()
            .expect("a digest has 32 bytes"),
    ) | 2
}

fn draw(init: &Init, len: usize, rng: &mut ChaCha8Rng, out: &mut Vec<f32>) {
    match init {
        Init::Constant(value) => out.extend(std::iter::repeat_n(*value as f32, len)),
        Init::Normal(std) => out.extend((0..len).map(|_| (std * normal(rng)) as f32)),
        Init::TruncatedNormal(std) => {
            out.extend((0..len).map(|_| (std * truncated(rng)) as f32));
        }
        Init::Uniform(bound) => {
            out.extend((0..len).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32));
        }
        Init::Parts(parts) => parts
            .iter()
            .for_each(|(len, part)| draw(part, *len as usize, rng, out)),
    }
}

/// Box and Muller (1958), in pure Rust: the same bits whatever the system's libm.
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
    use crate::model::Model;

    fn initial(architecture: &Architecture, seed: u64) -> Parameters {
        let config = ModelConfig::new(architecture, &"d32-l2".parse().unwrap(), 256, 64).unwrap();
        Parameters::initial(Model::slots(&config), seed, Device::Cpu)
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

    /// Pinned: what a seed means, for every preset, on any machine. Raise SPEC_VERSION with it.
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

    /// Standard deviations of the released code (arXiv:2109.08668).
    #[test]
    fn initial_spreads_are_the_papers() {
        /// What is left of a normal's standard deviation when it is cut at two of them.
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
        // Glorot's uniform: 64 values for two heads, whose extremes come near to the bound.
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
