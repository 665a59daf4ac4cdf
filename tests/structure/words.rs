//! The words of comments (CONTRIBUTING.md, "Words to avoid" and "Style, by example").

use std::fs;

use super::modules::source_files;
use super::sources::tree;

/// Phrases to avoid, from the list in CONTRIBUTING.md.
fn mannered_phrases() -> Vec<String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/CONTRIBUTING.md")).unwrap();
    let list = page.split("```mannered\n").nth(1).expect("a list");
    let lines = list.split("```").next().unwrap().lines();
    let phrases = lines.flat_map(|line| line.split(" -> ").next().unwrap().split(", "));
    phrases.map(str::to_owned).collect()
}

/// The text of a line's comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let start = if line.starts_with("//") {
        0
    } else {
        line.find(" // ")? + 1
    };
    Some(line[start..].trim_start_matches(['/', '!']).trim())
}

/// The words of a text in lower case, each with a space on either side.
fn spaced(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    let words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    format!(" {} ", words.join(" "))
}

#[test]
fn comments_have_few_mannered_phrases() {
    let phrases: Vec<_> = mannered_phrases()
        .iter()
        .map(|phrase| spaced(phrase))
        .collect();
    assert!(phrases.len() > 80, "{} phrases", phrases.len());
    let (mut words, mut found) = (0, Vec::new());
    for (file, text) in tree() {
        for (number, text) in text
            .lines()
            .enumerate()
            .filter_map(|(n, line)| Some((n + 1, comment(line)?)))
        {
            let text = spaced(text);
            words += text.split_whitespace().count();
            let here = phrases
                .iter()
                .filter(|phrase| text.contains(phrase.as_str()));
            found.extend(here.map(|phrase| format!("src/{file}:{number}: {}", phrase.trim())));
        }
    }
    assert!(words > 20_000, "{words} words");
    let rate = 1000.0 * found.len() as f64 / words as f64;
    assert!(
        rate < 0.5,
        "{rate:.2} per 1,000 words:\n{}",
        found.join("\n")
    );
}

/// First words of a doc comment that begin a riddle in place of a noun phrase or a verb.
const QUESTION_WORDS: [&str; 10] = [
    "what", "whether", "why", "how", "where", "when", "which", "whose", "who", "whom",
];

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let mut found = Vec::new();
    for (file, text) in tree() {
        let mut before = "";
        for (number, line) in text.lines().map(str::trim_start).enumerate() {
            let mark = ["///", "//!"]
                .into_iter()
                .find(|mark| line.starts_with(mark));
            let first = mark.is_some_and(|mark| !before.starts_with(mark));
            let word = spaced(line)
                .split_whitespace()
                .next()
                .unwrap_or("")
                .to_owned();
            if first && QUESTION_WORDS.contains(&word.as_str()) {
                found.push(format!("src/{file}:{}: {line}", number + 1));
            }
            before = line;
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Past participles that do not end in "ed".
const PARTICIPLES: [&str; 24] = [
    "made", "held", "told", "given", "drawn", "known", "kept", "found", "shown", "taken", "spent",
    "written", "sent", "seen", "lost", "done", "said", "begun", "gone", "left", "met", "put",
    "read", "set",
];

/// The words of a type's name: `HTTPClient` has two.
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lower = true;
    for letter in name.chars() {
        if letter.is_uppercase() && lower || words.is_empty() {
            words.push(String::new());
        }
        lower = !letter.is_uppercase();
        words.last_mut().unwrap().extend(letter.to_lowercase());
    }
    words
}

#[test]
fn types_are_named_for_what_they_are() {
    let (mut all, mut vague, mut participles) = (0, Vec::new(), Vec::new());
    for file in source_files() {
        for name in &file.types {
            all += 1;
            let [word] = &words_of(name)[..] else {
                continue;
            };
            if word.ends_with("ed") || PARTICIPLES.contains(&word.as_str()) {
                participles.push(format!("src/{}: {name}", file.path));
            }
            vague.push(format!("src/{}: {name}", file.path));
        }
    }
    assert!(participles.is_empty(), "bare participles: {participles:#?}");
    assert!(
        vague.len() * 10 < all * 3,
        "{} of {all} types have one word: {vague:#?}",
        vague.len()
    );
}
