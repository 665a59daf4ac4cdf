//! The engines of a sweep, one or several.

use std::fmt;

use schemars::json_schema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, MapAccess, SeqAccess, Visitor};

use super::{EngineEntry, LocalExecutor};
use crate::LocatedValue;
use crate::error::ValueError;
use crate::shorthand::ChoiceShorthand;

/// The engines of a sweep, in order: a run goes to the first engine that has a free slot for it. A
/// single engine needs no list. An engine whose settings all have defaults can be written by its
/// name. docs/several.md explains how to choose slots.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorList(Vec<LocatedValue<EngineEntry>>);

impl ExecutorList {
    /// The engines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &EngineEntry> {
        self.0.iter().map(|engine| &engine.value)
    }

    pub(crate) fn check(list: &LocatedValue<Self>) -> Result<(), ValueError> {
        let engines = &list.value.0;
        if engines.is_empty() {
            let hint = "list engines, such as `- local` and `- slurm: { time: 60 }`";
            return Err(list.error("`executor` is an empty list", hint));
        }
        for (place, engine) in engines.iter().enumerate() {
            let name = engine.value.name();
            let alone = matches!(
                engine.value,
                EngineEntry::Local(_) | EngineEntry::Workers(_)
            );
            let earlier = || engines[..place].iter().map(|engine| engine.value.name());
            if alone && earlier().any(|earlier| earlier == name) {
                return Err(engine.error(
                    format!("duplicate engine `{name}` in `executor`"),
                    "keep one entry, with all of its slots",
                ));
            }
            engine.value.check()?;
        }
        Ok(())
    }
}

impl Default for ExecutorList {
    fn default() -> Self {
        let local = EngineEntry::Local(LocalExecutor::default());
        Self(vec![LocatedValue::without_location(local)])
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = ExecutorList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an engine, by name or as a mapping from it to its settings, or a list of them")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ExecutorList, E> {
        ChoiceShorthand::deserialize(StrDeserializer::new(name)).map(one)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExecutorList, A::Error> {
        ChoiceShorthand::deserialize(MapAccessDeserializer::new(map)).map(one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ExecutorList, A::Error> {
        let mut engines = Vec::new();
        while let Some(engine) =
            list.next_element::<LocatedValue<ChoiceShorthand<EngineEntry>>>()?
        {
            engines.push(engine.with(engine.value.0.clone()));
        }
        Ok(ExecutorList(engines))
    }
}

fn one(ChoiceShorthand(engine): ChoiceShorthand<EngineEntry>) -> ExecutorList {
    ExecutorList(vec![LocatedValue::without_location(engine)])
}

written!(ExecutorList, ListVisitor, "ExecutorList", |generator| {
    let engine = generator.subschema_for::<ChoiceShorthand<EngineEntry>>();
    json_schema!({ "anyOf": [engine, { "type": "array", "items": engine, "minItems": 1 }] })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::from_yaml;

    fn names(text: &str) -> Vec<&'static str> {
        let list: ExecutorList = from_yaml(text).unwrap();
        list.iter().map(EngineEntry::name).collect()
    }

    #[test]
    fn an_engine_may_be_a_word_a_mapping_or_one_of_a_list() {
        let local = ExecutorList::default();
        for text in [
            "local",
            "local: {}",
            "[local]",
            "- local",
            "- local: {}",
            "{ local: { device: auto } }",
        ] {
            let list: ExecutorList = from_yaml(text).unwrap();
            let engines = |list: &ExecutorList| list.iter().cloned().collect::<Vec<_>>();
            assert_eq!(engines(&list), engines(&local), "{text}");
        }
        assert_eq!(
            names("[local, ray, { slurm: { time: 60 } }, workers, { slurm: { time: 9 } }]"),
            ["local", "ray", "slurm", "workers", "slurm"]
        );
    }
}
