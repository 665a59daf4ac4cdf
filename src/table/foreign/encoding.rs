//! Decoding of bytes to text.

use std::borrow::Cow;

use super::ForeignFault;

/// Decodes the text of a file. Lines that end in a carriage return, as on old Macs, get a line
/// feed.
pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, ForeignFault> {
    // Spreadsheets write a byte order mark before UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(encoding) = utf16(bytes) {
        return Err(ForeignFault::Utf16(encoding));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ForeignFault::NotUtf8(line_at(bytes, error.valid_up_to())))?;
    if let Some(nul) = bytes.iter().position(|byte| *byte == 0) {
        return Err(ForeignFault::Nul(line_at(bytes, nul)));
    }
    Ok(with_line_feeds(text))
}

/// Detects UTF-16 by its byte order mark, or by the NUL bytes of Latin letters. Returns iconv's
/// name for the encoding.
fn utf16(bytes: &[u8]) -> Option<&'static str> {
    const BEGIN: usize = 64;
    let nul = |first: usize| {
        let mut bytes = bytes.iter().take(BEGIN).skip(first).step_by(2).peekable();
        bytes.peek().is_some() && bytes.all(|byte| *byte == 0)
    };
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("utf-16"),
        _ if nul(1) => Some("utf-16le"),
        _ if nul(0) => Some("utf-16be"),
        _ => None,
    }
}

/// Replaces lone carriage returns by line feeds. The CSV reader accepts them as line ends, but does
/// not count them, so line numbers would be wrong.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    let is_lone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !text
        .bytes()
        .enumerate()
        .any(|(at, byte)| byte == b'\r' && is_lone(at))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Returns the line number of a byte.
fn line_at(bytes: &[u8], at: usize) -> u64 {
    let is_end = |place: &usize| match bytes[*place] {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    };
    1 + (0..at).filter(is_end).count() as u64
}
