//! Sweep files of the form before `policy` and `queue`: every engine had the keys of both, and
//! several engines were under `several`. Such a file is an error, whose hint has the lines to write
//! instead.

use schemars::{JsonSchema, schema_for};

use crate::error::ValueError;
use crate::node::{Mapping, YamlNode};
use crate::yaml::from_yaml;
use crate::{LocatedValue, QueuePolicy, RunPolicy};

/// Error of a file of the old form, with the lines to write; `None` for other files.
pub(crate) fn old_form_error(text: &str) -> Option<ValueError> {
    let YamlNode::Mapping(file) = from_yaml(text).ok()? else {
        return None;
    };
    let form = NewForm::of(&file)?;
    let (place, message) = form.fault.as_ref()?;
    Some(place.error(message, form.hint(text)))
}

/// The new form of a file's executors.
struct NewForm {
    policy: SharedSection,
    queue: SharedSection,
    engines: Vec<(LocatedValue<String>, Mapping)>,
    /// First key that moved to another section, and its message.
    fault: Option<(LocatedValue<String>, String)>,
    /// Keys whose values differ between engines.
    conflicting: Vec<String>,
}

/// A section that engines share.
struct SharedSection {
    name: &'static str,
    /// All keys of the section.
    allowed: Vec<String>,
    /// True if the file has the section already.
    exists: bool,
    entries: Mapping,
}

impl SharedSection {
    fn new<T: JsonSchema>(name: &'static str, file: &Mapping) -> Self {
        let schema = schema_for!(T).to_value();
        let keys = schema["properties"].as_object().into_iter().flatten();
        let entries = match find(file, name) {
            Some(YamlNode::Mapping(entries)) => entries.clone(),
            _ => Mapping::new(),
        };
        Self {
            name,
            exists: !entries.is_empty(),
            allowed: keys.map(|(key, _)| key.clone()).collect(),
            entries,
        }
    }
}

fn find<'a>(mapping: &'a Mapping, name: &str) -> Option<&'a YamlNode> {
    let entry = mapping.iter().find(|(key, _)| key.value == name);
    entry.map(|(_, node)| node)
}

impl NewForm {
    fn of(file: &Mapping) -> Option<Self> {
        let mut form = Self {
            policy: SharedSection::new::<RunPolicy>("policy", file),
            queue: SharedSection::new::<QueuePolicy>("queue", file),
            engines: Vec::new(),
            fault: None,
            conflicting: Vec::new(),
        };
        form.engines(find(file, "executor")?)?;
        Some(form)
    }

    /// Adds an engine or several; `None` if the node is neither.
    fn engines(&mut self, node: &YamlNode) -> Option<()> {
        match node {
            YamlNode::Sequence(engines) => {
                engines.iter().try_for_each(|engine| self.engines(engine))
            }
            YamlNode::Scalar { value, .. } => {
                let name = LocatedValue::without_location(value.as_str()?.to_owned());
                self.engines.push((name, Mapping::new()));
                Some(())
            }
            YamlNode::Mapping(engines) => engines.iter().try_for_each(|(name, settings)| {
                let YamlNode::Mapping(settings) = settings else {
                    return None;
                };
                if name.value == "several" {
                    self.several(name, settings)
                } else {
                    self.engine(name, settings);
                    Some(())
                }
            }),
        }
    }

    fn several(&mut self, name: &LocatedValue<String>, settings: &Mapping) -> Option<()> {
        let message =
            "unknown key `several` under `executor`, expected a list of engines".to_owned();
        self.fault.get_or_insert_with(|| (name.clone(), message));
        for (key, node) in settings {
            if key.value == "engines" {
                self.engines(node)?;
            } else if !self.move_key(&name.value, key, node) {
                self.policy.entries.push((key.clone(), node.clone()));
            }
        }
        Some(())
    }

    fn engine(&mut self, name: &LocatedValue<String>, settings: &Mapping) {
        let own = settings
            .iter()
            .filter(|(key, node)| !self.move_key(&name.value, key, node));
        let own = own.cloned().collect();
        self.engines.push((name.clone(), own));
    }

    /// Moves a key to its section; false if it is a key of the engine.
    fn move_key(&mut self, engine: &str, key: &LocatedValue<String>, node: &YamlNode) -> bool {
        let mut sections = [&mut self.policy, &mut self.queue].into_iter();
        let Some(section) = sections.find(|section| section.allowed.contains(&key.value)) else {
            return false;
        };
        let message = format!(
            "unknown key `{}` under `executor: {engine}`, expected under `{}`",
            key.value, section.name
        );
        self.fault.get_or_insert_with(|| (key.clone(), message));
        match find(&section.entries, &key.value) {
            None => section.entries.push((key.clone(), node.clone())),
            // Without a source, spelling is ignored.
            Some(other) if other.yaml("", 0) == node.yaml("", 0) => {}
            Some(_) => self.conflicting.push(format!("`{}`", key.value)),
        }
        true
    }

    fn hint(&self, source: &str) -> String {
        let (mut lines, mut replaced) = (Mapping::new(), String::new());
        for section in [&self.policy, &self.queue] {
            if section.exists {
                replaced += &format!("`{}`, ", section.name);
            }
            if !section.entries.is_empty() {
                let entries = YamlNode::Mapping(section.entries.clone());
                lines.push((
                    LocatedValue::without_location(section.name.to_owned()),
                    entries,
                ));
            }
        }
        let mut engines: Vec<YamlNode> = self.engines.iter().map(engine).collect();
        let executor = match engines.len() {
            1 => engines.remove(0),
            _ => YamlNode::Sequence(engines),
        };
        lines.push((
            LocatedValue::without_location("executor".to_owned()),
            executor,
        ));
        let choice = match self.conflicting.first() {
            Some(key) => format!(" ({key} differs between engines: choose one value for all)"),
            None => String::new(),
        };
        let lines = YamlNode::Mapping(lines).yaml(source, 0);
        format!("replace {replaced}`executor` with these lines{choice}:\n{lines}")
    }
}

/// An engine: only its name if it has no settings.
fn engine((name, settings): &(LocatedValue<String>, Mapping)) -> YamlNode {
    if settings.is_empty() {
        YamlNode::text(&name.value)
    } else {
        YamlNode::Mapping(vec![(name.clone(), YamlNode::Mapping(settings.clone()))])
    }
}

#[cfg(test)]
mod tests;
