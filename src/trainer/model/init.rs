//! Initialisation of weights: that of the released code (arXiv:2109.08668, after T5,
//! arXiv:1910.10683), or GPT-2's.

use isoflop_core::arch::{
    Convolution, ConvolutionInit, Initialisation, LogitScale, ModelConfig, RELATIVE_BUCKETS,
    ScoreScale,
};

use crate::parameters::TensorInit;

/// Initialisation of the embedding and of learned positions.
pub(super) fn embedding(config: &ModelConfig) -> TensorInit {
    by_convention(config, TensorInit::Normal(1.0))
}

/// Initialisation of an untied head, for logits of unit variance as with a tied head.
pub(super) fn head(config: &ModelConfig) -> TensorInit {
    let paper = match config.architecture.logit_scale {
        LogitScale::InverseSqrtWidth => TensorInit::Normal(1.0),
        LogitScale::One => normal(config.shape.d_model),
    };
    by_convention(config, paper)
}

/// Initialisation of the relative bias. The released code names none, so it is TensorFlow's
/// default, Glorot's uniform.
pub(super) fn relative_bias(config: &ModelConfig) -> TensorInit {
    let bound = (6.0 / f64::from(config.shape.heads + RELATIVE_BUCKETS)).sqrt();
    by_convention(config, TensorInit::Uniform(bound))
}

/// Initialisation of W_q and of Primer's W_z: N(0, 1/d_model), or N(0, 1/(d_model·d_head)) with the
/// scale of the scores folded in.
pub(super) fn query(config: &ModelConfig) -> TensorInit {
    let paper = match config.architecture.score_scale {
        ScoreScale::Folded => normal(config.shape.d_model * config.shape.d_head),
        ScoreScale::InverseSqrt => normal(config.shape.d_model),
    };
    by_convention(config, paper)
}

/// Initialisation of W_k and W_v: N(0, 1/d_model).
pub(super) fn key_value(config: &ModelConfig) -> TensorInit {
    by_convention(config, normal(config.shape.d_model))
}

/// Initialisation of W_o: N(0, 1/(heads·d_head)).
pub(super) fn attention_out(config: &ModelConfig) -> TensorInit {
    to_residual_stream(config, normal(config.shape.d_attention()))
}

/// Initialisation of a dense layer: N(0, 1/fan_in), redrawn beyond two standard deviations.
pub(super) fn dense(config: &ModelConfig, fan_in: u32) -> TensorInit {
    by_convention(config, truncated_normal(fan_in))
}

/// Initialisation of the last dense layer of the feed-forward layer.
pub(super) fn dense_out(config: &ModelConfig) -> TensorInit {
    to_residual_stream(config, truncated_normal(config.shape.d_ff))
}

/// Initialisation of the taps of `channels` channels, the tap of the present token first.
pub(super) fn taps(convolution: Convolution, channels: i64) -> TensorInit {
    let width = f64::from(convolution.width);
    let present_and_past = |present: f64, past: f64| {
        let past_taps = channels * (i64::from(convolution.width) - 1);
        TensorInit::Parts(vec![
            (channels, TensorInit::Constant(present)),
            (past_taps, TensorInit::Constant(past)),
        ])
    };
    match convolution.init {
        ConvolutionInit::Paper => present_and_past(0.5, 0.5 / width),
        ConvolutionInit::Identity => present_and_past(1.0, 0.0),
        ConvolutionInit::Zero => TensorInit::Constant(0.0),
        ConvolutionInit::Uniform => TensorInit::Uniform(1.0 / width.sqrt()),
    }
}

fn by_convention(config: &ModelConfig, paper: TensorInit) -> TensorInit {
    match config.architecture.initialisation {
        Initialisation::Paper => paper,
        Initialisation::Normal { std } => TensorInit::Normal(std),
    }
}

/// Divides GPT-2's standard deviation by sqrt(2·layers): 2·layers matrices add to the residual
/// stream.
fn to_residual_stream(config: &ModelConfig, paper: TensorInit) -> TensorInit {
    match config.architecture.initialisation {
        Initialisation::Paper => paper,
        Initialisation::Normal { std } => {
            TensorInit::Normal(std / f64::from(2 * config.shape.layers).sqrt())
        }
    }
}

fn normal(inverse_variance: u32) -> TensorInit {
    TensorInit::Normal(1.0 / f64::from(inverse_variance).sqrt())
}

fn truncated_normal(fan_in: u32) -> TensorInit {
    TensorInit::TruncatedNormal(1.0 / f64::from(fan_in).sqrt())
}
