//! Sweep files as they were written before `policy` and `queue`: every engine had the keys of both, and several engines stood under
//! `several`. Such a file is refused with the lines to write instead.

use schemars::{JsonSchema, schema_for};

use crate::error::Fault;
use crate::node::{Mapping, Node};
use crate::yaml::from_yaml;
use crate::{At, Policy, QueuePolicy};

/// What is wrong with a file of the old form, and the lines to write; nothing if it is none.
pub(crate) fn refusal(text: &str) -> Option<Fault> {
    let Node::Mapping(file) = from_yaml(text).ok()? else {
        return None;
    };
    let form = NewForm::of(&file)?;
    let (place, message) = form.fault.as_ref()?;
    Some(place.fault(message, form.hint(text)))
}

/// The new form of what a file says of executors.
struct NewForm {
    policy: Section,
    queue: Section,
    engines: Vec<(At<String>, Mapping)>,
    /// The first key that stands in another place now, and what is wrong with it.
    fault: Option<(At<String>, String)>,
    /// Keys for which engines have different values.
    unequal: Vec<String>,
}

/// A section that engines share.
struct Section {
    name: &'static str,
    /// All keys that it may have.
    allowed: Vec<String>,
    /// Whether the file has it already.
    stands: bool,
    entries: Mapping,
}

impl Section {
    fn new<T: JsonSchema>(name: &'static str, file: &Mapping) -> Self {
        let schema = schema_for!(T).to_value();
        let keys = schema["properties"].as_object().into_iter().flatten();
        let entries = match find(file, name) {
            Some(Node::Mapping(entries)) => entries.clone(),
            _ => Mapping::new(),
        };
        Self {
            name,
            stands: !entries.is_empty(),
            allowed: keys.map(|(key, _)| key.clone()).collect(),
            entries,
        }
    }
}

fn find<'a>(mapping: &'a Mapping, name: &str) -> Option<&'a Node> {
    let entry = mapping.iter().find(|(key, _)| key.value == name);
    entry.map(|(_, node)| node)
}

impl NewForm {
    fn of(file: &Mapping) -> Option<Self> {
        let mut form = Self {
            policy: Section::new::<Policy>("policy", file),
            queue: Section::new::<QueuePolicy>("queue", file),
            engines: Vec::new(),
            fault: None,
            unequal: Vec::new(),
        };
        form.engines(find(file, "executor")?)?;
        Some(form)
    }

    /// Takes an engine, or several; nothing where what stands there is neither.
    fn engines(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::Sequence(engines) => engines.iter().try_for_each(|engine| self.engines(engine)),
            Node::Scalar { value, .. } => {
                let name = At::nowhere(value.as_str()?.to_owned());
                self.engines.push((name, Mapping::new()));
                Some(())
            }
            Node::Mapping(engines) => engines.iter().try_for_each(|(name, settings)| {
                let Node::Mapping(settings) = settings else {
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

    fn several(&mut self, name: &At<String>, settings: &Mapping) -> Option<()> {
        let message = "`several` stands under `executor`, expected a list of engines".to_owned();
        self.fault.get_or_insert_with(|| (name.clone(), message));
        for (key, node) in settings {
            if key.value == "engines" {
                self.engines(node)?;
            } else if !self.moves(&name.value, key, node) {
                self.policy.entries.push((key.clone(), node.clone()));
            }
        }
        Some(())
    }

    fn engine(&mut self, name: &At<String>, settings: &Mapping) {
        let own = settings
            .iter()
            .filter(|(key, node)| !self.moves(&name.value, key, node));
        let own = own.cloned().collect();
        self.engines.push((name.clone(), own));
    }

    /// Moves a key to the section that has it; false where the key is the engine's own.
    fn moves(&mut self, engine: &str, key: &At<String>, node: &Node) -> bool {
        let mut sections = [&mut self.policy, &mut self.queue].into_iter();
        let Some(section) = sections.find(|section| section.allowed.contains(&key.value)) else {
            return false;
        };
        let message = format!(
            "`{}` stands under `executor: {engine}`, expected under `{}`",
            key.value, section.name
        );
        self.fault.get_or_insert_with(|| (key.clone(), message));
        match find(&section.entries, &key.value) {
            None => section.entries.push((key.clone(), node.clone())),
            // Without a source, the spelling does not count.
            Some(other) if other.yaml("", 0) == node.yaml("", 0) => {}
            Some(_) => self.unequal.push(format!("`{}`", key.value)),
        }
        true
    }

    fn hint(&self, source: &str) -> String {
        let (mut lines, mut replaced) = (Mapping::new(), String::new());
        for section in [&self.policy, &self.queue] {
            if section.stands {
                replaced += &format!("`{}`, ", section.name);
            }
            if !section.entries.is_empty() {
                let entries = Node::Mapping(section.entries.clone());
                lines.push((At::nowhere(section.name.to_owned()), entries));
            }
        }
        let mut engines: Vec<Node> = self.engines.iter().map(engine).collect();
        let executor = match engines.len() {
            1 => engines.remove(0),
            _ => Node::Sequence(engines),
        };
        lines.push((At::nowhere("executor".to_owned()), executor));
        let choice = match self.unequal.first() {
            Some(key) => format!(" ({key} differs between engines, and one value is for all)"),
            None => String::new(),
        };
        let lines = Node::Mapping(lines).yaml(source, 0);
        format!("write these lines in place of {replaced}`executor`{choice}:\n{lines}")
    }
}

/// An engine: a word where it has no settings.
fn engine((name, settings): &(At<String>, Mapping)) -> Node {
    if settings.is_empty() {
        Node::word(&name.value)
    } else {
        Node::Mapping(vec![(name.clone(), Node::Mapping(settings.clone()))])
    }
}

#[cfg(test)]
mod tests;
