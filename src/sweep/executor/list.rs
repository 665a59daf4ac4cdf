//! The engines of a sweep: one, or several at once.

use std::fmt;

use schemars::json_schema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, MapAccess, SeqAccess, Visitor};

use super::{Executor, LocalExecutor};
use crate::At;
use crate::error::Fault;
use crate::shorthand::Shorthand;

/// The engines of a sweep in their order: a run goes to the first that has a seat for it. One may stand without a list, and by its name
/// alone where all of its settings have defaults. docs/several.md tells how to choose the seats.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorList(Vec<At<Executor>>);

impl ExecutorList {
    /// The engines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Executor> {
        self.0.iter().map(|engine| &engine.value)
    }

    pub(crate) fn check(list: &At<Self>) -> Result<(), Fault> {
        let engines = &list.value.0;
        if engines.is_empty() {
            let hint = "list engines, as `- local` and `- slurm: { time: 60 }`";
            return Err(list.fault("`executor` is an empty list", hint));
        }
        for (place, engine) in engines.iter().enumerate() {
            let name = engine.value.name();
            let alone = matches!(engine.value, Executor::Local(_) | Executor::Workers(_));
            let earlier = || engines[..place].iter().map(|engine| engine.value.name());
            if alone && earlier().any(|earlier| earlier == name) {
                return Err(engine.fault(
                    format!("`{name}` stands twice in `executor`"),
                    "there is one of it: give it all its seats in one entry",
                ));
            }
            engine.value.check()?;
        }
        Ok(())
    }
}

impl Default for ExecutorList {
    fn default() -> Self {
        let local = Executor::Local(LocalExecutor::default());
        Self(vec![At::nowhere(local)])
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = ExecutorList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an engine, by name or as a mapping from it to its settings, or a list of them")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ExecutorList, E> {
        Shorthand::deserialize(StrDeserializer::new(name)).map(one)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExecutorList, A::Error> {
        Shorthand::deserialize(MapAccessDeserializer::new(map)).map(one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ExecutorList, A::Error> {
        let mut engines = Vec::new();
        while let Some(engine) = list.next_element::<At<Shorthand<Executor>>>()? {
            engines.push(engine.with(engine.value.0.clone()));
        }
        Ok(ExecutorList(engines))
    }
}

fn one(Shorthand(engine): Shorthand<Executor>) -> ExecutorList {
    ExecutorList(vec![At::nowhere(engine)])
}

written!(ExecutorList, ListVisitor, "ExecutorList", |generator| {
    let engine = generator.subschema_for::<Shorthand<Executor>>();
    json_schema!({ "anyOf": [engine, { "type": "array", "items": engine, "minItems": 1 }] })
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::from_yaml;

    fn names(text: &str) -> Vec<&'static str> {
        let list: ExecutorList = from_yaml(text).unwrap();
        list.iter().map(Executor::name).collect()
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
