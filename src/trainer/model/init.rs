//! How weights start: the released code's way (arXiv:2109.08668, after T5, arXiv:1910.10683), or GPT-2's.

use isoflop_core::arch::{
    Convolution, ConvolutionInit, Initialisation, LogitScale, ModelConfig, RELATIVE_BUCKETS,
    ScoreScale,
};

use crate::parameters::Init;

/// Embedding, and learned positions.
pub(super) fn embedding(config: &ModelConfig) -> Init {
    by_convention(config, Init::Normal(1.0))
}

/// An untied head: logits of unit variance, as the tied one has.
pub(super) fn head(config: &ModelConfig) -> Init {
    let paper = match config.architecture.logit_scale {
        LogitScale::InverseSqrtWidth => Init::Normal(1.0),
        LogitScale::One => normal(config.shape.d_model),
    };
    by_convention(config, paper)
}

/// The released code names no initialiser for it, and so leaves it to TensorFlow's: Glorot's uniform.
pub(super) fn relative_bias(config: &ModelConfig) -> Init {
    let bound = (6.0 / f64::from(config.shape.heads + RELATIVE_BUCKETS)).sqrt();
    by_convention(config, Init::Uniform(bound))
}

/// W_q, and Primer's W_z: N(0, 1/d_model), or N(0, 1/(d_model·d_head)) with the scores' factor folded in.
pub(super) fn query(config: &ModelConfig) -> Init {
    let paper = match config.architecture.score_scale {
        ScoreScale::Folded => normal(config.shape.d_model * config.shape.d_head),
        ScoreScale::InverseSqrt => normal(config.shape.d_model),
    };
    by_convention(config, paper)
}

/// W_k and W_v: N(0, 1/d_model).
pub(super) fn key_value(config: &ModelConfig) -> Init {
    by_convention(config, normal(config.shape.d_model))
}

/// W_o: N(0, 1/(heads·d_head)).
pub(super) fn attention_out(config: &ModelConfig) -> Init {
    to_residual_stream(config, normal(config.shape.d_attention()))
}

/// A dense layer: N(0, 1/fan_in), drawn again beyond two standard deviations.
pub(super) fn dense(config: &ModelConfig, fan_in: u32) -> Init {
    by_convention(config, truncated_normal(fan_in))
}

/// The feed-forward's last dense layer.
pub(super) fn dense_out(config: &ModelConfig) -> Init {
    to_residual_stream(config, truncated_normal(config.shape.d_ff))
}

/// Taps of `channels` channels, the present first.
pub(super) fn taps(convolution: Convolution, channels: i64) -> Init {
    let width = f64::from(convolution.width);
    let present_and_past = |present: f64, past: f64| {
        let past_taps = channels * (i64::from(convolution.width) - 1);
        Init::Parts(vec![
            (channels, Init::Constant(present)),
            (past_taps, Init::Constant(past)),
        ])
    };
    match convolution.init {
        ConvolutionInit::Paper => present_and_past(0.5, 0.5 / width),
        ConvolutionInit::Identity => present_and_past(1.0, 0.0),
        ConvolutionInit::Zero => Init::Constant(0.0),
        ConvolutionInit::Uniform => Init::Uniform(1.0 / width.sqrt()),
    }
}

fn by_convention(config: &ModelConfig, paper: Init) -> Init {
    match config.architecture.initialisation {
        Initialisation::Paper => paper,
        Initialisation::Normal { std } => Init::Normal(std),
    }
}

/// GPT-2 divides by sqrt(2·layers), the number of matrices that add to the residual stream.
fn to_residual_stream(config: &ModelConfig, paper: Init) -> Init {
    match config.architecture.initialisation {
        Initialisation::Paper => paper,
        Initialisation::Normal { std } => {
            Init::Normal(std / f64::from(2 * config.shape.layers).sqrt())
        }
    }
}

fn normal(inverse_variance: u32) -> Init {
    Init::Normal(1.0 / f64::from(inverse_variance).sqrt())
}

fn truncated_normal(fan_in: u32) -> Init {
    Init::TruncatedNormal(1.0 / f64::from(fan_in).sqrt())
}
