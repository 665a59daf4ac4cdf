//! Roles of columns, and their usual names.

/// Role of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ColumnRole {
    /// Architecture.
    Arch,
    /// N, parameters.
    Params,
    /// D, tokens.
    Tokens,
    /// L, nats/token.
    Loss,
    /// C, FLOPs spent.
    Flops,
    /// Budget of the run, FLOPs.
    FlopsBudget,
    /// Unit of the budget, in isoflop's own tables.
    BudgetKind,
    /// Name of the size.
    Size,
    /// Seed.
    Seed,
    /// N without the embedding, parameters.
    ParamsWithoutEmbedding,
    /// Seconds of training, times the number of devices.
    DeviceSeconds,
    /// Distinct tokens among D.
    UniqueTokens,
    /// Peak learning rate.
    LearningRate,
    /// Learning-rate factor.
    LrFactor,
    /// Tokens per step.
    BatchTokens,
    /// Name of the run.
    Run,
    /// State of the run, such as `finished` or `crashed`.
    Status,
}

/// A role, with its name in `--map` and the usual names of its column.
pub(super) struct KnownRole {
    pub(super) role: ColumnRole,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    /// Other names, normalised by [`normalized`]. Names in one list have equal rank; earlier lists win.
    pub(super) synonyms: &'static [&'static [&'static str]],
}

/// All roles. docs/fitting.md lists them for users.
#[rustfmt::skip]
pub(super) const ROLES: [KnownRole; 17] = [
    known(ColumnRole::Arch, "arch", "the architecture",
        &[&["arm"], &["architecture", "arch_name", "model_family", "family"], &["model", "model_name", "model_type"]]),
    known(ColumnRole::Params, "params", "N, parameters",
        &[&["params_total", "total_params", "n_params", "num_params", "nparams", "parameters", "n_parameters", "num_parameters",
            "param_count", "parameter_count", "model_params", "model_size"], &["n"]]),
    known(ColumnRole::Tokens, "tokens", "D, training tokens",
        &[&["n_tokens", "num_tokens", "train_tokens", "training_tokens", "tokens_trained", "tokens_seen", "total_tokens",
            "tokens_total", "token_count", "dataset_tokens"], &["d"]]),
    known(ColumnRole::Loss, "loss", "validation loss, nats/token",
        &[&["loss_val", "val_loss", "valid_loss", "validation_loss", "loss_validation", "eval_loss", "loss_eval", "test_loss",
            "loss_test"], &["final_loss", "loss_final"], &["l"]]),
    known(ColumnRole::Flops, "flops", "C, training FLOPs",
        &[&["train_flops", "training_flops", "total_flops", "flops_total", "n_flops", "num_flops", "flop", "compute",
            "train_compute", "training_compute", "training_flop"], &["c"]]),
    known(ColumnRole::FlopsBudget, "flops_budget", "budget of the run, FLOPs",
        &[&["budget", "compute_budget", "budget_flops", "flop_budget", "target_flops", "isoflop", "isoflop_budget"]]),
    known(ColumnRole::BudgetKind, "budget_kind", "unit of the budget", &[]),
    known(ColumnRole::Size, "size", "name of the size", &[&["size_name", "rung", "shape"]]),
    known(ColumnRole::Seed, "seed", "seed", &[&["random_seed", "rng_seed", "seed_id"]]),
    known(ColumnRole::ParamsWithoutEmbedding, "params_without_embedding", "N without the embedding",
        &[&["params_non_embedding", "non_embedding_params", "non_embedding_parameters", "params_nonembedding",
            "nonembedding_params", "n_non_embedding", "params_no_embedding", "params_without_embeddings"]]),
    known(ColumnRole::DeviceSeconds, "device_seconds", "seconds of training, times the number of devices",
        &[&["gpu_seconds", "tpu_seconds", "accelerator_seconds"]]),
    known(ColumnRole::UniqueTokens, "unique_tokens", "distinct tokens among D", &[&["tokens_unique", "n_unique_tokens", "unique_d"]]),
    known(ColumnRole::LearningRate, "learning_rate", "peak learning rate", &[&["peak_learning_rate", "peak_lr", "max_lr"], &["lr"]]),
    known(ColumnRole::LrFactor, "lr_factor", "learning-rate factor", &[&["lr_multiplier", "lr_mult"]]),
    known(ColumnRole::BatchTokens, "batch_tokens", "tokens per step", &[&["tokens_per_step", "tokens_per_batch", "batch_size_tokens"]]),
    known(ColumnRole::Run, "run", "name of the run", &[&["run_name"], &["name"], &["run_id"], &["id", "experiment"]]),
    known(ColumnRole::Status, "status", "state of the run", &[&["state", "run_status", "run_state"]]),
];

const fn known(
    role: ColumnRole,
    name: &'static str,
    meaning: &'static str,
    synonyms: &'static [&'static [&'static str]],
) -> KnownRole {
    KnownRole {
        role,
        name,
        meaning,
        synonyms,
    }
}

/// Returns the name of each role in `--map`, with the other names that its column may have.
pub fn column_names() -> Vec<(&'static str, Vec<&'static str>)> {
    ROLES
        .iter()
        .map(|known| (known.name, known.ranks().flatten().skip(1).collect()))
        .collect()
}

impl ColumnRole {
    /// Returns the name in `--map`.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// Reports whether the values are names, not numbers.
    pub(super) fn is_named(self) -> bool {
        matches!(
            self,
            Self::Arch | Self::BudgetKind | Self::Size | Self::Run | Self::Status
        )
    }

    pub(super) fn known(self) -> &'static KnownRole {
        // A test checks that `ROLES` is in the order of the variants.
        &ROLES[self as usize]
    }
}

impl KnownRole {
    /// Returns the names by rank, the role's own name first.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Vec<&'static str>> {
        std::iter::once(vec![self.name]).chain(self.synonyms.iter().map(|rank| rank.to_vec()))
    }
}

/// Normalises a name: lowercase, with `_` for every character that is not a letter or digit.
pub(super) fn normalized(name: &str) -> String {
    let letters = name.trim().chars().map(|c| {
        if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    });
    letters.collect::<String>().trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_role_finds_itself() {
        for (i, known) in ROLES.iter().enumerate() {
            assert_eq!(known.role as usize, i, "{}", known.name);
        }
    }

    /// Each name belongs to one role, and is normalised.
    #[test]
    fn names_are_of_one_role() {
        let mut seen = HashSet::new();
        for name in ROLES
            .iter()
            .flat_map(|known| known.ranks().flatten().collect::<Vec<_>>())
        {
            assert!(seen.insert(name), "{name}");
            assert_eq!(normalized(name), name);
        }
        assert_eq!(normalized(" Val Loss (nats) "), "val_loss__nats");
    }
}
