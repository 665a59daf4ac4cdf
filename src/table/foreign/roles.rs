//! What a column can be, and the names that it usually has.

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
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
    /// FLOPs asked for.
    FlopsBudget,
    /// Unit of the budget, in isoflop's own tables.
    BudgetKind,
    /// Name of the shape.
    Size,
    /// Seed.
    Seed,
    /// N without the embedding, parameters.
    ParamsWithoutEmbedding,
    /// Seconds of training, times devices.
    DeviceSeconds,
    /// Distinct tokens among D.
    UniqueTokens,
    /// Peak learning rate.
    LearningRate,
    /// Factor on the learning rate that a rule gives.
    LrFactor,
    /// Tokens a step.
    BatchTokens,
    /// Name of the run.
    Run,
    /// How the run ended.
    Status,
}

/// A role, its name in `--map`, and what it is called elsewhere.
pub(super) struct Known {
    pub(super) role: Role,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    /// Other names, as [`plain`] writes them: those of a list are of equal rank, and earlier lists come first.
    pub(super) synonyms: &'static [&'static [&'static str]],
}

/// Every role. docs/fitting.md lists them for users.
#[rustfmt::skip]
pub(super) const ROLES: [Known; 17] = [
    known(Role::Arch, "arch", "the architecture",
        &[&["arm"], &["architecture", "arch_name", "model_family", "family"], &["model", "model_name", "model_type"]]),
    known(Role::Params, "params", "N, parameters",
        &[&["params_total", "total_params", "n_params", "num_params", "nparams", "parameters", "n_parameters", "num_parameters",
            "param_count", "parameter_count", "model_params", "model_size"], &["n"]]),
    known(Role::Tokens, "tokens", "D, training tokens",
        &[&["n_tokens", "num_tokens", "train_tokens", "training_tokens", "tokens_trained", "tokens_seen", "total_tokens",
            "tokens_total", "token_count", "dataset_tokens"], &["d"]]),
    known(Role::Loss, "loss", "validation loss, nats/token",
        &[&["loss_val", "val_loss", "valid_loss", "validation_loss", "loss_validation", "eval_loss", "loss_eval", "test_loss",
            "loss_test"], &["final_loss", "loss_final"], &["l"]]),
    known(Role::Flops, "flops", "C, training FLOPs",
        &[&["train_flops", "training_flops", "total_flops", "flops_total", "n_flops", "num_flops", "flop", "compute",
            "train_compute", "training_compute", "training_flop"], &["c"]]),
    known(Role::FlopsBudget, "flops_budget", "FLOPs asked for",
        &[&["budget", "compute_budget", "budget_flops", "flop_budget", "target_flops", "isoflop", "isoflop_budget"]]),
    known(Role::BudgetKind, "budget_kind", "unit of the budget", &[]),
    known(Role::Size, "size", "name of the size", &[&["size_name", "rung", "shape"]]),
    known(Role::Seed, "seed", "seed", &[&["random_seed", "rng_seed", "seed_id"]]),
    known(Role::ParamsWithoutEmbedding, "params_without_embedding", "N without the embedding",
        &[&["params_non_embedding", "non_embedding_params", "non_embedding_parameters", "params_nonembedding",
            "nonembedding_params", "n_non_embedding", "params_no_embedding", "params_without_embeddings"]]),
    known(Role::DeviceSeconds, "device_seconds", "seconds of training times devices",
        &[&["gpu_seconds", "tpu_seconds", "accelerator_seconds"]]),
    known(Role::UniqueTokens, "unique_tokens", "distinct tokens among D", &[&["tokens_unique", "n_unique_tokens", "unique_d"]]),
    known(Role::LearningRate, "learning_rate", "peak learning rate", &[&["peak_learning_rate", "peak_lr", "max_lr"], &["lr"]]),
    known(Role::LrFactor, "lr_factor", "factor on the learning rate", &[&["lr_multiplier", "lr_mult"]]),
    known(Role::BatchTokens, "batch_tokens", "tokens a step", &[&["tokens_per_step", "tokens_per_batch", "batch_size_tokens"]]),
    known(Role::Run, "run", "name of the run", &[&["run_name"], &["name"], &["run_id"], &["id", "experiment"]]),
    known(Role::Status, "status", "how the run ended", &[&["state", "run_status", "run_state"]]),
];

const fn known(
    role: Role,
    name: &'static str,
    meaning: &'static str,
    synonyms: &'static [&'static [&'static str]],
) -> Known {
    Known {
        role,
        name,
        meaning,
        synonyms,
    }
}

/// Every role's name in `--map`, and the other names that its column is found by.
pub fn column_names() -> Vec<(&'static str, Vec<&'static str>)> {
    ROLES
        .iter()
        .map(|known| (known.name, known.ranks().flatten().skip(1).collect()))
        .collect()
}

impl Role {
    /// Its name in `--map`.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// Whether its values are names rather than numbers.
    pub(super) fn is_named(self) -> bool {
        matches!(
            self,
            Self::Arch | Self::BudgetKind | Self::Size | Self::Run | Self::Status
        )
    }

    pub(super) fn known(self) -> &'static Known {
        // The table is in the order of the variants; a test says so.
        &ROLES[self as usize]
    }
}

impl Known {
    /// The names by rank, its own first.
    pub(super) fn ranks(&self) -> impl Iterator<Item = Vec<&'static str>> {
        std::iter::once(vec![self.name]).chain(self.synonyms.iter().map(|rank| rank.to_vec()))
    }
}

/// A name without what does not tell it from others: case, and what stands between words.
pub(super) fn plain(name: &str) -> String {
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

    /// No name could be two things, and each is written as it is looked for.
    #[test]
    fn names_are_of_one_role() {
        let mut seen = HashSet::new();
        for name in ROLES
            .iter()
            .flat_map(|known| known.ranks().flatten().collect::<Vec<_>>())
        {
            assert!(seen.insert(name), "{name}");
            assert_eq!(plain(name), name);
        }
        assert_eq!(plain(" Val Loss (nats) "), "val_loss__nats");
    }
}
