//! The arms of a sweep: checks that they are named, distinct, and free of contradictions.

use super::error::ValueError;
use super::{ArmEntry, LocatedValue, SweepFile, suggestion};
use isoflop_core::arch::{Architecture, Contradiction};

/// An arm with its name.
#[derive(Clone, Debug)]
pub(super) struct SweepArm {
    pub(super) name: String,
    pub(super) architecture: Architecture,
    /// Priority. Arms with a larger number start first.
    pub(super) priority: u64,
}

pub(super) fn arms(file: &SweepFile) -> Result<Vec<LocatedValue<SweepArm>>, ValueError> {
    let entries = &file.architectures;
    let hint = "name at least one architecture, for example `transformer`";
    entries.not_empty("architectures", hint)?;
    let mut arms: Vec<LocatedValue<SweepArm>> = Vec::new();
    for entry in &entries.value {
        let arm = arm(file, entry)?;
        for LocatedValue { value: earlier, .. } in &arms {
            if earlier.name == arm.value.name {
                let message = format!("duplicate architecture name `{}`", earlier.name);
                return Err(entry.error(message, "give each architecture a different `name`"));
            }
            if earlier.architecture == arm.value.architecture {
                let (one, other) = (&earlier.name, &arm.value.name);
                let message = format!("`{one}` and `{other}` are the same architecture");
                return Err(entry.error(message, "remove one of them, or change a choice"));
            }
        }
        arms.push(arm);
    }
    for (name, priority) in &file.priorities {
        find_arm(&arms, name).ok_or_else(|| unknown_arm(&arms, name, priority, "`priorities`"))?;
        priority.within("a priority", 0..=1_000_000)?;
    }
    Ok(arms)
}

fn arm(
    file: &SweepFile,
    entry: &LocatedValue<ArmEntry>,
) -> Result<LocatedValue<SweepArm>, ValueError> {
    let architecture = &entry.value.architecture;
    let Some(name) = &entry.value.name else {
        let preset = &entry.value.preset;
        let message = format!("missing key `name`: a changed `{preset}` needs a different name");
        return Err(entry.error(message, "add `name: ...`, the name of the arm in tables"));
    };
    entry.check_name("architecture name", name)?;
    architecture
        .check()
        .map_err(|e| contradiction(entry, name, &e))?;
    Ok(entry.with(SweepArm {
        name: name.clone(),
        architecture: architecture.clone(),
        priority: file
            .priorities
            .get(name)
            .map_or(0, |priority| priority.value.0),
    }))
}

/// Error of an architecture whose choices contradict each other or a size.
pub(super) fn contradiction<T>(
    place: &LocatedValue<T>,
    name: &str,
    reason: &Contradiction,
) -> ValueError {
    place.error(
        format!("invalid architecture `{name}`: {reason}"),
        reason.hint(),
    )
}

/// Returns the baseline.
pub(super) fn baseline<'a>(
    file: &SweepFile,
    arms: &'a [LocatedValue<SweepArm>],
) -> Result<&'a SweepArm, ValueError> {
    let Some(name) = &file.baseline else {
        return Ok(&arms[0].value);
    };
    find_arm(arms, &name.value).ok_or_else(|| unknown_arm(arms, &name.value, name, "`baseline`"))
}

fn find_arm<'a>(arms: &'a [LocatedValue<SweepArm>], name: &str) -> Option<&'a SweepArm> {
    arms.iter()
        .map(|arm| &arm.value)
        .find(|arm| arm.name == name)
}

fn unknown_arm<T>(
    arms: &[LocatedValue<SweepArm>],
    name: &str,
    place: &LocatedValue<T>,
    key: &str,
) -> ValueError {
    let names: Vec<&str> = arms.iter().map(|arm| arm.value.name.as_str()).collect();
    let allowed = names.join("`, `");
    let message = format!("unknown architecture `{name}` in {key}, expected one of `{allowed}`");
    place.error(message, suggestion(name, &names, "name"))
}
