//! The arms of a sweep: named, distinct, and free of contradictions.

use super::error::Fault;
use super::{ArmEntry, At, SweepFile, nearest};
use isoflop_core::arch::{Architecture, Contradiction};

/// An arm with its name.
#[derive(Clone, Debug)]
pub(super) struct Arm {
    pub(super) name: String,
    pub(super) architecture: Architecture,
    /// Larger starts first.
    pub(super) priority: u64,
}

pub(super) fn arms(file: &SweepFile) -> Result<Vec<At<Arm>>, Fault> {
    let entries = &file.architectures;
    let hint = "name at least one architecture, for example `transformer`";
    entries.not_empty("architectures", hint)?;
    let mut arms: Vec<At<Arm>> = Vec::new();
    for entry in &entries.value {
        let arm = arm(file, entry)?;
        for At { value: earlier, .. } in &arms {
            if earlier.name == arm.value.name {
                let message = format!("two architectures are named `{}`", earlier.name);
                return Err(entry.fault(message, "give each a `name` of its own"));
            }
            if earlier.architecture == arm.value.architecture {
                let (one, other) = (&earlier.name, &arm.value.name);
                let message = format!("`{one}` and `{other}` are the same architecture");
                return Err(entry.fault(message, "remove one of them, or change a choice"));
            }
        }
        arms.push(arm);
    }
    for (name, priority) in &file.priorities {
        named(&arms, name).ok_or_else(|| {
            let what = format!("`priorities` names `{name}`, which is");
            unknown(&arms, name, priority, &what)
        })?;
        priority.within("a priority", 0..=1_000_000)?;
    }
    Ok(arms)
}

fn arm(file: &SweepFile, entry: &At<ArmEntry>) -> Result<At<Arm>, Fault> {
    let architecture = &entry.value.architecture;
    let Some(name) = &entry.value.name else {
        let preset = &entry.value.preset;
        let message = format!("a changed `{preset}` needs a `name` of its own");
        return Err(entry.fault(message, "add `name: ...`, the arm's name in tables"));
    };
    entry.check_name("the name of an architecture", name)?;
    architecture
        .check()
        .map_err(|e| contradiction(entry, name, &e))?;
    Ok(entry.with(Arm {
        name: name.clone(),
        architecture: architecture.clone(),
        priority: file
            .priorities
            .get(name)
            .map_or(0, |priority| priority.value.0),
    }))
}

/// An architecture whose choices exclude each other, or a size.
pub(super) fn contradiction<T>(place: &At<T>, name: &str, reason: &Contradiction) -> Fault {
    place.fault(format!("`{name}` cannot be: {reason}"), reason.hint())
}

/// The arm that the others are compared with.
pub(super) fn baseline<'a>(file: &SweepFile, arms: &'a [At<Arm>]) -> Result<&'a Arm, Fault> {
    let Some(name) = &file.baseline else {
        return Ok(&arms[0].value);
    };
    named(arms, &name.value).ok_or_else(|| {
        let what = format!("the baseline `{}` is", name.value);
        unknown(arms, &name.value, name, &what)
    })
}

fn named<'a>(arms: &'a [At<Arm>], name: &str) -> Option<&'a Arm> {
    arms.iter()
        .map(|arm| &arm.value)
        .find(|arm| arm.name == name)
}

fn unknown<T>(arms: &[At<Arm>], name: &str, place: &At<T>, what: &str) -> Fault {
    let names: Vec<&str> = arms.iter().map(|arm| arm.value.name.as_str()).collect();
    let message = format!("{what} none of the architectures: `{}`", names.join("`, `"));
    place.fault(message, nearest(name, &names, "name"))
}
