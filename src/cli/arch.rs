//! `isoflop arch list` and `isoflop arch show`

use std::path::Path;

use serde_json::{Value, json};

use super::args::{ArchCommand, ArchListArgs, ArchShowArgs};
use super::{ExitReason, output};
use isoflop_app::AppError;
use isoflop_core::arch::{
    Architecture, CausalCounting, ModelConfig, Operation, PRESETS, Preset, Shape, ShapeError,
    TRANSFORMER, TokenFlops, named_rungs,
};
use isoflop_core::units::grouped;
use isoflop_sweep::{load, suggestion};

/// Vocabulary and sequence length of the Primer paper. The vocabulary is T5's.
const PAPER: (u32, u32) = (32_128, 512);

pub(super) fn main(command: &ArchCommand) -> Result<ExitReason, AppError> {
    match command {
        ArchCommand::List(args) => list(args),
        ArchCommand::Show(args) => show(args),
    }
}

fn list(args: &ArchListArgs) -> Result<ExitReason, AppError> {
    if args.json {
        output::json(&PRESETS.iter().map(preset_json).collect::<Vec<_>>())?;
        return Ok(ExitReason::Ok);
    }
    let lengths = PRESETS.iter().map(|preset| preset.name.len());
    let width = lengths.max().unwrap_or(0) + 2;
    for preset in PRESETS {
        output::print_entry(preset.name, preset.about, width);
    }
    output::line("\naliases:");
    for preset in PRESETS {
        preset
            .aliases()
            .for_each(|alias| output::paragraph(format!("  {alias} = {}", preset.name)));
    }
    Ok(ExitReason::Ok)
}

fn show(args: &ArchShowArgs) -> Result<ExitReason, AppError> {
    let shown = match &args.sweep {
        Some(file) => of_sweep(file, args)?,
        None => preset(args)?,
    };
    if args.json {
        output::json(&shown_json(&shown, args))?;
    } else {
        print(&shown, args);
    }
    Ok(ExitReason::Ok)
}

/// The architecture that is shown, at one size.
struct NamedModel {
    name: String,
    about: String,
    config: ModelConfig,
}

impl NamedModel {
    fn new(
        name: &str,
        about: &str,
        architecture: &Architecture,
        args: &ArchShowArgs,
        of_file: (u32, u32),
    ) -> Result<Self, AppError> {
        let size: Shape = args.size.parse().map_err(|e| {
            let names: Vec<&str> = named_rungs().collect();
            let hint = match e {
                ShapeError::Label(_) => format!(
                    "give the name of a size, such as `{}`, or a shape such as `d64-l3`",
                    names.join("`, `")
                ),
                _ => "choose a value within that range".to_owned(),
            };
            AppError::usage(e, hint)
        })?;
        let vocabulary = args.vocab.unwrap_or(of_file.0);
        let length = args.sequence_length.unwrap_or(of_file.1);
        let config = ModelConfig::new(architecture, &size, vocabulary, length)
            .map_err(|e| AppError::usage(format!("cannot build `{name}`: {e}"), e.hint()))?;
        Ok(Self {
            name: name.to_owned(),
            about: about.to_owned(),
            config,
        })
    }
}

fn preset(args: &ArchShowArgs) -> Result<NamedModel, AppError> {
    let preset = Preset::named(&args.name).ok_or_else(|| {
        let (name, names) = (&args.name, Preset::names().collect::<Vec<_>>());
        let message = format!("unknown architecture `{name}`; `isoflop arch list` lists them all");
        AppError::usage(message, suggestion(name, &names, "name"))
    })?;
    NamedModel::new(preset.name, preset.about, &preset.architecture, args, PAPER)
}

/// An arm of a sweep file, with the file's vocabulary and sequence length.
fn of_sweep(file: &Path, args: &ArchShowArgs) -> Result<NamedModel, AppError> {
    let sweep = load(file)?;
    let arms = || sweep.architectures.value.iter().map(|arm| &arm.value);
    let arm = arms().find(|arm| arm.name.as_deref() == Some(args.name.as_str()));
    let arm = arm.ok_or_else(|| {
        let names: Vec<&str> = arms().filter_map(|arm| arm.name.as_deref()).collect();
        let (name, file, all) = (&args.name, file.display(), names.join("`, `"));
        let message = format!("unknown architecture `{name}`: those of `{file}` are `{all}`");
        AppError::usage(message, suggestion(name, &names, "name"))
    })?;
    let length = u32::try_from(sweep.train.sequence_length.value.0).unwrap_or(u32::MAX);
    let about = format!("an arm of {}, based on {}", file.display(), arm.preset);
    let of_file = (sweep.data.tokenizer.vocabulary(), length);
    NamedModel::new(&args.name, &about, &arm.architecture, args, of_file)
}

fn print(shown: &NamedModel, args: &ArchShowArgs) {
    let (name, about, config) = (&shown.name, &shown.about, &shown.config);
    let shape = &config.shape;
    output::paragraph(format!("{name}: {about}"));
    output::paragraph(format!(
        "size {}: {} layers of width {}, {} heads of {}, feed-forward {}",
        args.size, shape.layers, shape.d_model, shape.heads, shape.d_head, shape.d_ff
    ));
    let (vocabulary, length) = (grouped(config.vocabulary.into()), config.sequence_length);
    output::paragraph(format!(
        "vocabulary of {vocabulary} tokens, sequences of {length} tokens"
    ));
    output::line("");
    choices(name, &config.architecture);
    output::line("");
    parameters(config);
    output::line("");
    operations(config);
    output::line("");
    output::paragraph(
        "FLOPs per token; a multiply-add is two. Budgets count attention in full. Norms, \
         activations, softmax, rotations and look-ups are not counted.",
    );
    output::line("");
    by_length(config);
}

/// Prints every choice, and the Transformer's if it differs.
fn choices(name: &str, architecture: &Architecture) {
    let (own, baseline) = (as_json(architecture), as_json(&TRANSFORMER));
    let rows = own.as_object().into_iter().flatten().map(|(key, value)| {
        let other = if baseline[key] == *value {
            String::new()
        } else {
            words(&baseline[key])
        };
        vec![key.clone(), words(value), other]
    });
    let other = if own == baseline { "" } else { "transformer" };
    output::table(&["choice", name, other], rows, 3);
}

fn as_json(architecture: &Architecture) -> Value {
    serde_json::to_value(architecture).unwrap_or_default()
}

/// Formats a choice: `depthwise, width 3` for `{"depthwise": {"width": 3}}`.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Object(map) => {
            let inner = |(key, value): (&String, &Value)| match value {
                Value::Object(_) => format!("{key}, {}", words(value)),
                _ => format!("{key} {}", words(value)),
            };
            map.iter().map(inner).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) if number.is_f64() => {
            format!("{:?}", number.as_f64().unwrap_or_default())
        }
        other => other.to_string(),
    }
}

fn parameters(config: &ModelConfig) {
    let params = config.params();
    let total = params.total().0;
    let row = |name: &str, count: u64| {
        let share = 100.0 * count as f64 / total as f64;
        vec![name.to_owned(), grouped(count), format!("{share:.1}%")]
    };
    let mut rows: Vec<Vec<String>> = params
        .groups()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| row(name, count))
        .collect();
    let without = params.without_embedding().0;
    rows.push(row("params_total", total));
    rows.push(row("params_without_embedding", without));
    output::table(&["parameters", "count", "share"], rows, 1);
}

fn operations(config: &ModelConfig) {
    let row = |name: &str, counted: TokenFlops| {
        let [full, half] = [CausalCounting::Full, CausalCounting::Half];
        let flops = [
            counted.forward(full),
            counted.backward(full),
            counted.training(full),
            counted.training(half),
        ];
        let flops = flops.map(|flops| grouped(flops.0)).into_iter();
        std::iter::once(name.to_owned()).chain(flops).collect()
    };
    let operations = config.flops_by_operation().into_iter();
    let rows = operations.map(|(operation, counted)| row(operation.name(), counted));
    let header = [
        "operation",
        "forward",
        "backward",
        "training",
        "causal half",
    ];
    let total = row("flops_per_token", config.flops());
    output::table(&header, rows.chain([total]), 1);
}

/// Prints the cost of attention by sequence length.
fn by_length(config: &ModelConfig) {
    let header = [
        "sequence",
        "attention",
        "causal half",
        "share",
        "flops_per_token",
    ];
    let rows = [128, 512, 2048, 8192, 32_768].map(|sequence_length| {
        length_row(&ModelConfig {
            sequence_length,
            ..config.clone()
        })
    });
    output::table(&header, rows, 0);
}

fn length_row(config: &ModelConfig) -> Vec<String> {
    let attention = |causal| {
        let parts = [Operation::AttentionScores, Operation::AttentionValues];
        let operations = config.flops_by_operation().into_iter();
        let of_attention = operations.filter(|(operation, _)| parts.contains(operation));
        let training = of_attention.map(|(_, counted)| counted.training(causal).0);
        training.sum::<u64>()
    };
    let full = attention(CausalCounting::Full);
    let all = config.flops().training(CausalCounting::Full).0;
    vec![
        grouped(config.sequence_length.into()),
        grouped(full),
        grouped(attention(CausalCounting::Half)),
        format!("{:.1}%", 100.0 * full as f64 / all as f64),
        grouped(all),
    ]
}

fn preset_json(preset: &Preset) -> Value {
    json!({
        "name": preset.name, "aliases": preset.aliases().collect::<Vec<_>>(), "about": preset.about,
        "architecture": preset.architecture,
    })
}

fn shown_json(shown: &NamedModel, args: &ArchShowArgs) -> Value {
    let (name, about, config) = (&shown.name, &shown.about, &shown.config);
    let (params, flops) = (config.params(), config.flops());
    let operation = |(operation, counted): (Operation, TokenFlops)| {
        json!({
            "operation": operation.name(),
            "forward": counted.forward(CausalCounting::Full).0, "forward_causal_half": counted.forward(CausalCounting::Half).0,
            "backward": counted.backward(CausalCounting::Full).0, "backward_causal_half": counted.backward(CausalCounting::Half).0,
        })
    };
    let operations = config.flops_by_operation().into_iter().map(operation);
    let groups = params.groups().into_iter();
    let groups = groups.map(|(name, count)| (name.to_owned(), count.into()));
    json!({
        "name": name, "about": about, "architecture": config.architecture, "size": args.size, "shape": config.shape,
        "vocabulary": config.vocabulary, "sequence_length": config.sequence_length,
        "params_by_group": groups.collect::<serde_json::Map<_, _>>(), "params_total": params.total().0,
        "params_without_embedding": params.without_embedding().0,
        "flops_by_operation": operations.collect::<Vec<_>>(), "flops_per_token": flops.training(CausalCounting::Full).0,
        "flops_per_token_causal_half": flops.training(CausalCounting::Half).0,
        "flops_per_token_forward": flops.forward(CausalCounting::Full).0,
        "flops_per_token_forward_causal_half": flops.forward(CausalCounting::Half).0,
    })
}
