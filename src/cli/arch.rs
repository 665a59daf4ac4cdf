//! `isoflop arch list` and `isoflop arch show`

use serde::Serialize;
use serde_json::Value;

use super::args::{ArchCommand, ArchListArgs, ArchShowArgs};
use super::{Exit, Failed, output};
use crate::arch::{Architecture, Causal, ModelConfig, PRESETS, Preset, Shape, TRANSFORMER, named_rungs};
use crate::units::grouped;

pub(super) fn main(command: &ArchCommand) -> Result<Exit, Failed> {
    match command {
        ArchCommand::List(args) => list(args),
        ArchCommand::Show(args) => show(args),
    }
}

fn list(args: &ArchListArgs) -> Result<Exit, Failed> {
    if args.json {
        return json(&PRESETS.iter().map(Listed::new).collect::<Vec<_>>());
    }
    let width = PRESETS.iter().map(|preset| preset.name.len()).max().unwrap_or(0) + 2;
    for preset in PRESETS {
        output::described(preset.name, preset.about, width);
    }
    output::line("\nother names:");
    for preset in PRESETS {
        preset.aliases().for_each(|alias| output::line(format!("  {alias} is {}", preset.name)));
    }
    Ok(Exit::Ok)
}

fn show(args: &ArchShowArgs) -> Result<Exit, Failed> {
    let preset = Preset::named(&args.name).ok_or_else(|| {
        let names: Vec<&str> = Preset::names().collect();
        let message = format!("`{}` is no architecture: `isoflop arch list` names them all", args.name);
        Failed::new(Exit::Usage, message, crate::units::nearest(&args.name, &names, "name"))
    })?;
    let size: Shape = args.size.parse().map_err(|e| {
        let names: Vec<&str> = named_rungs().collect();
        Failed::new(Exit::Usage, e, format!("name a size, such as `{}`, or write one", names.join("`, `")))
    })?;
    let config = ModelConfig::new(preset.architecture, &size, args.vocab, args.sequence_length)
        .map_err(|e| Failed::new(Exit::Usage, format!("`{}` cannot be: {e}", preset.name), e.hint()))?;
    if args.json {
        return json(&Shown::new(preset, args, &config));
    }
    print(preset, args, &config);
    Ok(Exit::Ok)
}

fn print(preset: &Preset, args: &ArchShowArgs, config: &ModelConfig) {
    let shape = &config.shape;
    output::paragraph(&format!("{}: {}", preset.name, preset.about));
    output::line(format!(
        "size {}: {} layers of width {}, {} heads of {}, feed-forward {}",
        args.size, shape.layers, shape.d_model, shape.heads, shape.d_head, shape.d_ff
    ));
    output::line(format!(
        "{} tokens of vocabulary, {} of sequence\n",
        grouped(args.vocab.into()),
        args.sequence_length
    ));
    output::line(choices(preset));
    output::line(String::new());
    output::line(parameters(config));
    output::line(String::new());
    output::line(operations(config));
    output::line("\nFLOPs of a token; a multiply-add is two. Budgets count attention in full. Norms,");
    output::line("activations, softmax, rotations and look-ups are not counted.\n");
    output::line(by_length(config));
}

/// Every choice, and the Transformer's where it is another.
fn choices(preset: &Preset) -> String {
    let (own, baseline) = (as_json(&preset.architecture), as_json(&TRANSFORMER));
    let rows = own.as_object().into_iter().flatten().map(|(key, value)| {
        let other = if baseline[key] == *value { String::new() } else { words(&baseline[key]) };
        vec![key.clone(), words(value), other]
    });
    let other = if own == baseline { "" } else { "transformer has" };
    output::table(&["choice", preset.name, other], rows.collect(), 3)
}

fn as_json(architecture: &Architecture) -> Value {
    serde_json::to_value(architecture).unwrap_or_default()
}

/// `depthwise, width 3` for `{"depthwise": {"width": 3}}`.
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
        number => number.as_f64().map_or_else(|| number.to_string(), |number| format!("{number:?}")),
    }
}

fn parameters(config: &ModelConfig) -> String {
    let params = config.params();
    let total = params.total().0;
    let row = |name: &str, count: u64| {
        vec![name.to_owned(), grouped(count), format!("{:.1}%", 100.0 * count as f64 / total as f64)]
    };
    let mut rows: Vec<Vec<String>> =
        params.groups().into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| row(name, count)).collect();
    rows.push(row("params_total", total));
    rows.push(row("params_without_embedding", params.without_embedding().0));
    output::table(&["parameters", "count", "share"], rows, 1)
}

fn operations(config: &ModelConfig) -> String {
    let row = |name: &str, counted: crate::arch::Counted| {
        let full = [counted.forward(Causal::Full), counted.backward(Causal::Full), counted.training(Causal::Full)];
        let all = full.into_iter().chain([counted.training(Causal::Half)]);
        [name.to_owned()].into_iter().chain(all.map(|flops| grouped(flops.0))).collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<String>> =
        config.flops_by_operation().into_iter().map(|(operation, counted)| row(operation.name(), counted)).collect();
    rows.push(row("flops_per_token", config.flops()));
    output::table(&["operation", "forward", "backward", "training", "causal half"], rows, 1)
}

/// What attention costs as sequences grow.
fn by_length(config: &ModelConfig) -> String {
    let row = |sequence_length: u32| {
        let flops = ModelConfig { sequence_length, ..*config }.flops();
        let without = ModelConfig { sequence_length: 0, ..*config }.flops().training(Causal::Full).0;
        let training = [Causal::Full, Causal::Half].map(|causal| flops.training(causal).0);
        let attention = training[0] - without;
        vec![
            grouped(sequence_length.into()),
            grouped(attention),
            format!("{:.1}%", 100.0 * attention as f64 / training[0] as f64),
            grouped(training[0]),
            grouped(training[1]),
        ]
    };
    let lengths = [128, 512, 2048, 8192, 32_768];
    output::table(
        &["sequence", "attention", "share", "training", "causal half"],
        lengths.into_iter().map(row).collect(),
        0,
    )
}

fn json(value: &impl Serialize) -> Result<Exit, Failed> {
    output::line(serde_json::to_string_pretty(value).map_err(|e| Failed::new(Exit::Bug, e, ""))?);
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    aliases: Vec<&'static str>,
    about: &'static str,
    architecture: Architecture,
}

impl Listed {
    fn new(preset: &Preset) -> Self {
        let Preset { name, about, architecture } = *preset;
        Self { name, aliases: preset.aliases().collect(), about, architecture }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    preset: Listed,
    size: &'a str,
    shape: Shape,
    vocabulary: u32,
    sequence_length: u32,
    params_by_group: serde_json::Map<String, Value>,
    params_total: u64,
    params_without_embedding: u64,
    flops_by_operation: Vec<OperationJson>,
    flops_per_token: u64,
    flops_per_token_causal_half: u64,
    flops_per_token_forward: u64,
    flops_per_token_forward_causal_half: u64,
}

#[derive(Serialize)]
struct OperationJson {
    operation: &'static str,
    forward: u64,
    forward_causal_half: u64,
    backward: u64,
    backward_causal_half: u64,
}

impl<'a> Shown<'a> {
    fn new(preset: &Preset, args: &'a ArchShowArgs, config: &ModelConfig) -> Self {
        let (params, flops) = (config.params(), config.flops());
        let operations = config.flops_by_operation().into_iter().map(|(operation, counted)| OperationJson {
            operation: operation.name(),
            forward: counted.forward(Causal::Full).0,
            forward_causal_half: counted.forward(Causal::Half).0,
            backward: counted.backward(Causal::Full).0,
            backward_causal_half: counted.backward(Causal::Half).0,
        });
        Self {
            preset: Listed::new(preset),
            size: &args.size,
            shape: config.shape,
            vocabulary: config.vocabulary,
            sequence_length: config.sequence_length,
            params_by_group: params.groups().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect(),
            params_total: params.total().0,
            params_without_embedding: params.without_embedding().0,
            flops_by_operation: operations.collect(),
            flops_per_token: flops.training(Causal::Full).0,
            flops_per_token_causal_half: flops.training(Causal::Half).0,
            flops_per_token_forward: flops.forward(Causal::Full).0,
            flops_per_token_forward_causal_half: flops.forward(Causal::Half).0,
        }
    }
}
