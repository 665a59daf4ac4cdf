//! Tests of the `optimizer` section: its messages, and its values in the spec of a run.

use std::path::Path;

use isoflop_core::run::{DataSpec, Optimizer, SettingKind, Tokenizer};

use super::{Corpora, SweepError, parse};

/// The optimizer of the runs of a sweep with this section.
fn optimizer(section: &str) -> Result<Optimizer, SweepError> {
    let text = format!(
        "data: {{ train: a, validation: b }}
architectures: [transformer]
sizes: [d16-l2]
budgets: {{ tokens: [1e5] }}
train:
  sequence_length: 32
  batch_tokens: 128
  learning_rate: {{ fixed: 1e-2 }}
  optimizer: {section}
"
    );
    let corpora = Corpora {
        spec: DataSpec {
            tokenizer: Tokenizer::Bytes,
            train_digest: "a".into(),
            validation_digest: "b".into(),
        },
        train_tokens: 1 << 40,
        validation_tokens: 1 << 40,
    };
    let path = Path::new("sweep.yaml");
    let plan = parse(path, &text)?.checked(path)?.expand(&corpora)?;
    Ok(plan.runs[0].spec.optimizer)
}

#[test]
fn settings_that_are_written_and_those_that_are_not() {
    let specs = [
        "adamw",
        "adafactor",
        "muon",
        "{ adamw: { beta1: 0.5, eps: 1e-3, decay_embeddings: false } }",
        "{ adafactor: { decay_power: 1, factor_from: 1_024, eps_gradient: 1e-20 } }",
        "{ muon: { iterations: 3, momentum: 0, adamw: { weight_decay: 10 } } }",
    ];
    let written = specs.map(|section| {
        let spec = serde_json::to_string(&optimizer(section).unwrap()).unwrap();
        format!("{section}\n    {spec}\n")
    });
    insta::assert_snapshot!(written.concat());
}

#[test]
fn mistakes() {
    let sections = [
        "",
        "adamm",
        "adamw: 3",
        "[adamw]",
        "3",
        "{ adamw: {}, muon: {} }",
        "{ adamm: {} }",
        "{ adamw: }",
        "{ adamw: 3 }",
        "{ adamw: [] }",
        "{ adamw: { beta1: 1 } }",
        "{ adamw: { beta1: -0.1 } }",
        "{ adamw: { beta1: .nan } }",
        "{ adamw: { beta1: .inf } }",
        "{ adamw: { beta1: 1e999 } }",
        "{ adamw: { beta1: high } }",
        "{ adamw: { beta1: [0.9] } }",
        "{ adamw: { beta1: } }",
        "{ adamw: { beta1: 0.9, beta1: 0.8 } }",
        "{ adamw: { eps: 0 } }",
        "{ adamw: { weight_decay: 11 } }",
        "{ adamw: { decay_embeddings: 1 } }",
        "{ adamw: { decay_embeddings: maybe } }",
        "{ adamw: { decay_embeddings: } }",
        "{ adamw: { beta: 0.9 } }",
        "{ adamw: { 1: 0.9 } }",
        "{ adamw: { beta2: 2, beta1: 2 } }",
        "{ adamw: { beta2: 2, beta: 2 } }",
        "{ adafactor: { factor_from: 1 } }",
        "{ adafactor: { factor_from: 2.5 } }",
        "{ adafactor: { factor_from: -1 } }",
        "{ adafactor: { factor_from: 1e99 } }",
        "{ adafactor: { eps_gradient: 0.1 } }",
        "{ muon: { beta1: 0.9 } }",
        "{ muon: { iterations: 0 } }",
        "{ muon: { adamw: { beta1: 1 } } }",
        "{ muon: { adamw: { momentum: 1 } } }",
        "{ muon: { adamw: 3 } }",
        "{ muon: { adamw: } }",
    ];
    let said = sections.map(|section| {
        let error = optimizer(section).unwrap_err();
        format!("{section}\n    {error}\n    hint: {}\n", error.hint)
    });
    insta::assert_snapshot!(said.concat());
}

/// docs/sweep-reference.md lists every setting that core declares, with its default.
#[test]
fn the_readme_has_every_setting_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sweep-reference.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for name in Optimizer::NAMES {
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` | `")))
            .unwrap_or_else(|| panic!("no row for `{name}`"));
        for setting in Optimizer::settings(name).unwrap().fields {
            let key = setting.name;
            let written = match &setting.kind {
                SettingKind::Number { default, .. } => {
                    vec![format!("`{key}` {default}"), format!("`{key}` {default:e}")]
                }
                SettingKind::Count { default, .. } => vec![format!("`{key}` {default}")],
                SettingKind::Flag { default } => vec![format!("`{key}` {default}")],
                SettingKind::Group(_) => vec![format!("`{key}: {{ ... }}` with the keys above")],
            };
            let stands = |text: &String| {
                [",", " |"]
                    .iter()
                    .any(|end| row.contains(&format!("{text}{end}")))
            };
            assert!(written.iter().any(stands), "{name}: {written:?}");
        }
    }
}
