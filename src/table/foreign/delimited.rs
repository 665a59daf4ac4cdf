//! Reader of delimited text: one row per line, separated by commas, semicolons or tabs.

use std::io;

use csv::{ReaderBuilder, StringRecord};

use super::error::OneColumn;
use super::sheet::Sheet;
use super::{ForeignFault, encoding};

/// Reads text. The separator is `usual` if the header contains it; otherwise it is detected.
pub(super) fn read(bytes: &[u8], usual: Option<u8>) -> Result<Sheet, ForeignFault> {
    let text = &*encoding::text(bytes)?;
    let header = text.lines().find(|line| !line.trim().is_empty());
    let header = header.ok_or(ForeignFault::Empty)?;
    let separator = usual
        .filter(|usual| header.bytes().any(|byte| byte == *usual))
        .unwrap_or_else(|| found(header));
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let (mut names, mut lines) = (None::<Vec<String>>, Vec::new());
    loop {
        // The reader's position is the end of the previous record, before any blank lines.
        let from = reader.position().clone();
        // Unreachable for UTF-8 text in memory.
        let refused = |error| ForeignFault::Unreadable(io::Error::other(error));
        if !reader.read_record(&mut record).map_err(refused)? {
            break;
        }
        let line = from.line() + blank_lines(&text[from.byte() as usize..]);
        match &names {
            None if record.len() < 2 => return Err(one_column(line, header)),
            None => names = Some(record.iter().map(|name| name.trim().to_owned()).collect()),
            Some(_) if record.iter().all(|value| value.trim().is_empty()) => {}
            Some(names) if record.len() != names.len() => {
                let (found, expected) = (record.len(), names.len());
                return Err(ForeignFault::Ragged {
                    line,
                    found,
                    expected,
                });
            }
            Some(_) => lines.push((line, record.clone())),
        }
    }
    Ok(Sheet::of_lines(names.unwrap_or_default(), lines))
}

/// Returns the most frequent separator of the header.
fn found(header: &str) -> u8 {
    let count = |separator: u8| header.bytes().filter(|byte| *byte == separator).count();
    // `max_by_key` returns the last of equal counts, the comma.
    [b'\t', b';', b',']
        .into_iter()
        .max_by_key(|separator| count(*separator))
        .unwrap_or(b',')
}

fn one_column(line: u64, header: &str) -> ForeignFault {
    const SHOWN: usize = 60;
    let header = header.trim();
    let others = ['|', ':', ' ']
        .into_iter()
        .find(|other| header.contains(*other));
    let seeming = match others {
        _ if header.starts_with('#') => OneColumn::Comment,
        _ if header.starts_with('"') && header.contains([',', ';', '\t']) => OneColumn::Quoted,
        Some(separator) => OneColumn::Separated(separator),
        None => OneColumn::Unknown,
    };
    let shown = match header.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &header[..end]),
        None => header.to_owned(),
    };
    ForeignFault::OneColumn {
        line,
        header: shown,
        seeming,
    }
}

fn blank_lines(text: &str) -> u64 {
    let blank = text
        .bytes()
        .take_while(|byte| matches!(byte, b'\n' | b'\r'));
    blank.filter(|byte| *byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::super::sheet::SheetCell;
    use super::*;

    fn sheet(text: &str) -> Sheet {
        read(text.as_bytes(), None).unwrap()
    }

    #[test]
    fn separators_are_found() {
        for text in [
            "a,b\n1,2\n",
            "a;b\n1;2\n",
            "a\tb\n1\t2\n",
            "\u{feff}a,b\r\n1,2\r\n",
            "\"a\",b\n\"1\",2",
        ] {
            let sheet = sheet(text);
            assert_eq!(sheet.names, ["a", "b"], "{text:?}");
            assert_eq!(
                (sheet.cell(0, 0), sheet.cell(1, 0)),
                (SheetCell::Text("1"), SheetCell::Text("2")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_tsv_may_have_commas() {
        let read = |text: &str| read(text.as_bytes(), Some(b'\t')).unwrap().names;
        assert_eq!(read("a,b\n1,2\n"), ["a", "b"]);
        assert_eq!(read("a,b,c\td\n1\t2\n"), ["a,b,c", "d"]);
    }

    #[test]
    fn lines_are_the_files() {
        let sheet = sheet("a,b\n1,2\n\n\n3,\"4\n5\"\n,\n6,7\n");
        assert_eq!(
            (0..sheet.len())
                .map(|row| sheet.number(row))
                .collect::<Vec<_>>(),
            [2, 5, 8]
        );
        assert_eq!(sheet.cell(1, 1), SheetCell::Text("4\n5"));
    }

    #[test]
    fn words_for_nothing_are_nothing() {
        let sheet = sheet("a,b\nNA,nan\n");
        assert_eq!(
            (sheet.cell(0, 0), sheet.cell(1, 0)),
            (SheetCell::Missing, SheetCell::Text("nan"))
        );
    }
}
