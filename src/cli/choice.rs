//! Options that take one of a few words.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A word, what is said of it, and what it stands for.
pub(super) type Choice<T> = (&'static str, &'static str, T);

/// Takes one of these words, as what it stands for.
pub(super) fn one_of<T: Copy + Send + Sync + 'static>(
    choices: &'static [Choice<T>],
) -> impl TypedValueParser<Value = T> {
    let words = choices
        .iter()
        .map(|(word, said, _)| PossibleValue::new(*word).help(*said));
    PossibleValuesParser::new(words).try_map(|word| {
        let choice = choices.iter().find(|(name, ..)| *name == word);
        choice.map(|(.., value)| *value).ok_or("unknown word")
    })
}
