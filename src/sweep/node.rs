//! A part of a sweep file as its author spelled it, for hints that write it again.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::LocatedValue;
use super::yaml::from_yaml;

/// A node of a YAML file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum YamlNode {
    Scalar {
        value: Value,
        /// First byte in the file, and number of bytes.
        span: Option<(usize, usize)>,
    },
    Sequence(Vec<YamlNode>),
    Mapping(Mapping),
}

/// Keys and their values, in the file's order.
pub(super) type Mapping = Vec<(LocatedValue<String>, YamlNode)>;

impl YamlNode {
    pub(super) fn text(word: &str) -> Self {
        Self::Scalar {
            value: word.into(),
            span: None,
        }
    }

    /// The node as YAML in block style, as it follows a key, with lines indented by `indent`
    /// columns. Values are spelled as in `source`, the file that they come from.
    pub(super) fn yaml(&self, source: &str, indent: usize) -> String {
        let margin = " ".repeat(indent);
        match self {
            Self::Scalar { value, span } => {
                format!(" {}", scalar(value, *span, source, indent))
            }
            Self::Sequence(items) if items.is_empty() => " []".to_owned(),
            Self::Mapping(entries) if entries.is_empty() => " {}".to_owned(),
            Self::Sequence(items) => {
                let item = |item: &Self| item.yaml(source, indent + 2).trim_start().to_owned();
                let line = |node| format!("\n{margin}- {}", item(node));
                items.iter().map(line).collect()
            }
            Self::Mapping(entries) => {
                let line = |(key, node): &(LocatedValue<String>, Self)| {
                    format!("\n{margin}{}:{}", key.value, node.yaml(source, indent + 2))
                };
                entries.iter().map(line).collect()
            }
        }
    }
}

/// A value as its author spelled it, if that is one line; otherwise a block of several lines.
fn scalar(value: &Value, span: Option<(usize, usize)>, source: &str, indent: usize) -> String {
    let spelled = span.and_then(|(first, length)| source.get(first..first + length));
    let same = |text: &&str| from_yaml::<Value>(text).is_ok_and(|read| read == *value);
    if let Some(spelled) = spelled.filter(|text| !text.contains('\n')).filter(same) {
        return spelled.to_owned();
    }
    let written = serde_yaml::to_string(value).unwrap_or_else(|_| value.to_string());
    let margin = format!("\n{}", " ".repeat(indent.saturating_sub(2)));
    written.trim_end().replace('\n', &margin)
}

struct NodeVisitor;

/// A node without its location.
struct UnplacedNode(YamlNode);

fn scalar_node<E>(value: impl Into<Value>) -> Result<UnplacedNode, E> {
    Ok(UnplacedNode(YamlNode::Scalar {
        value: value.into(),
        span: None,
    }))
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = UnplacedNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E: de::Error>(self) -> Result<UnplacedNode, E> {
        scalar_node(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<UnplacedNode, E> {
        scalar_node(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<UnplacedNode, E> {
        scalar_node(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<UnplacedNode, E> {
        scalar_node(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<UnplacedNode, E> {
        scalar_node(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<UnplacedNode, E> {
        scalar_node(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<UnplacedNode, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(UnplacedNode(YamlNode::Sequence(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UnplacedNode, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(UnplacedNode(YamlNode::Mapping(entries)))
    }
}

impl<'de> Deserialize<'de> for UnplacedNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_yaml::Spanned::<UnplacedNode>::deserialize(deserializer)?;
        let place = spanned.defined.span();
        Ok(match spanned.value.0 {
            Self::Scalar { value, .. } => Self::Scalar {
                value,
                span: place
                    .byte_offset()
                    .zip(place.byte_len())
                    .map(|(first, length)| (first as usize, length as usize)),
            },
            node => node,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"count: 1_000
quoted: '50M' # a comment
time: 2:00:00
flow: { options: [--a=b, "x: y"], none: [], deep: { rate: 1e3, on: true } }
folded: >-
  one
  line
lines: |
  a: "$X"
    b
again: &name partition
alias: *name
"#;

    /// Numbers keep their spelling, and texts their meaning, in every style of YAML.
    #[test]
    fn what_is_written_again_says_the_same() {
        let node: YamlNode = from_yaml(WRITTEN).unwrap();
        let again = node.yaml(WRITTEN, 0);
        let value = |text: &str| from_yaml::<Value>(text).unwrap();
        assert_eq!(value(&again), value(WRITTEN), "{again}");
        insta::assert_snapshot!(again.trim_start());
        let indented = format!("under:{}", node.yaml(WRITTEN, 4));
        assert_eq!(value(&indented)["under"], value(WRITTEN), "{indented}");
    }
}
